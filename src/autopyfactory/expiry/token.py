"""When JSON web tokens end: IDTOKENS, SciTokens, WLCG tokens (RFC 7519).

No signature is looked at: whoever is shown the token does that.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

_NEVER_S = 253_402_300_800
"""The year 10000: what ends then or later has no end that a `datetime` could tell."""


def tokens_end(text: str) -> datetime | None:
    """Return when the tokens of a file, one a line, cease to serve; None: never.  Raises `ValueError`.

    Of several by one issuer the one that ends last counts, since tools add a new token to those that are
    there; of several issuers the one that ends first.  Lines that hold no such token are passed over.
    """
    ends: dict[object, float | None] = {}
    for claims in map(_claims, text.splitlines()):
        if claims is not None:
            issuer, end_s = str(claims.get("iss")), _end_s(claims)
            before_s = ends.get(issuer, end_s)
            ends[issuer] = None if end_s is None or before_s is None else max(end_s, before_s)
    first_s = min((end_s for end_s in ends.values() if end_s is not None), default=None)
    return None if first_s is None else datetime.fromtimestamp(first_s, UTC)


def _claims(line: str) -> dict[str, Any] | None:
    line = line.strip()
    parts = line.split(".")
    if line.startswith("#") or len(parts) != 3:
        return None
    claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    if not isinstance(claims, dict):
        raise ValueError("a token without claims")
    return claims


def _end_s(claims: dict[str, Any]) -> float | None:
    end_s = claims.get("exp")
    if end_s is None:
        return None
    if not isinstance(end_s, int | float) or not 0 <= end_s < _NEVER_S:
        raise ValueError(f"the token's end is no time: {end_s!r}")
    return end_s
