"""``credential[=SECONDS]``: the proxy or the token lives long enough (3600 s).

Looked at, where they are named: X509_USER_PROXY, PANDA_AUTH_TOKEN, BEARER_TOKEN_FILE (files), BEARER_TOKEN.
"""

import base64
import functools
import json
import os
import time
from typing import Callable, Dict, List, Optional, Tuple

from autopyfactory.wrapper.validation.certificate import end_of_chain
from autopyfactory.wrapper.validation.finding import About, Finding, number


def check(argument: str, about: About) -> Finding:
    """Every credential that is named must live long enough; one must be there."""
    wanted_s = number(argument, 3600.0, "seconds")
    problems = []
    left: Dict[str, float] = {}
    for name, read in _named():
        try:
            end = read()
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append("%s: %s" % (name, error))
            continue
        if end is None:
            left[name] = float("inf")
            continue
        left[name] = end - time.time()
        if left[name] < wanted_s:
            problems.append("%s: %.0f s left, %.0f wanted" % (name, left[name], wanted_s))
    if not left and not problems:
        problems.append(
            "none is named by X509_USER_PROXY, PANDA_AUTH_TOKEN, BEARER_TOKEN_FILE or BEARER_TOKEN"
        )
    seen = ", ".join("%s: %.0f s left" % (name, left[name]) for name in sorted(left))
    return Finding(not problems, "; ".join(problems) or seen)


def _named() -> List[Tuple[str, Callable[[], Optional[float]]]]:
    files: List[Tuple[str, Callable[[bytes], Optional[float]]]] = [
        ("X509_USER_PROXY", end_of_chain),
        ("PANDA_AUTH_TOKEN", end_of_token),
        ("BEARER_TOKEN_FILE", end_of_token),
    ]
    found: List[Tuple[str, Callable[[], Optional[float]]]] = [
        (name, functools.partial(_end_in_file, os.environ[name], end))
        for name, end in files
        if os.environ.get(name)
    ]
    if os.environ.get("BEARER_TOKEN"):
        token = os.fsencode(os.environ["BEARER_TOKEN"])
        found.append(("BEARER_TOKEN", functools.partial(end_of_token, token)))
    return found


def _end_in_file(path: str, end: Callable[[bytes], Optional[float]]) -> Optional[float]:
    with open(path, "rb") as file:
        return end(file.read(1 << 20))


def end_of_token(token: bytes) -> Optional[float]:
    """Return when a JSON web token ends, None for one that tells no end; raises `ValueError`."""
    parts = token.strip().split(b".")
    if len(parts) != 3:
        # opaque: only its server knows
        return None
    claims = json.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)).decode("utf-8"))
    return float(claims["exp"]) if "exp" in claims else None
