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
    """Return when the first of a file's tokens, one a line, ends; None: never.  Raises `ValueError`.

    The first, since HTCondor takes whichever fits a server, ended or not.  Lines that hold no such token
    are passed over.
    """
    claims = [found for line in text.splitlines() if (found := _claims(line)) is not None]
    ends_s = [end_s for each in claims if (end_s := _end_s(each)) is not None]
    return datetime.fromtimestamp(min(ends_s), UTC) if ends_s else None


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
