"""Browsers that are signed in: a cookie that names a token of the API, and holds nothing that is one.

The cookie is ``DIGEST.END.SEAL``.  Whether the token is good is looked up each time, so that it is of no use
from the moment that the token is revoked.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

LASTS = timedelta(hours=12)
_NAME = "apf_session"


class Sessions:
    """Seals and opens cookies."""

    def __init__(self, key: bytes) -> None:
        # not the key itself: it signs pilots' tokens
        self._key = hmac.digest(key, b"sessions of browsers", "sha256")

    def begin(self, request: Request, response: Response, digest: str, now: datetime) -> None:
        """Sign a browser in, with the token that has this digest."""
        end = now + LASTS
        signed = f"{digest}.{int(end.timestamp())}"
        response.set_cookie(
            _NAME,
            f"{signed}.{self._seal('session', signed)}",
            max_age=int(LASTS.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )

    def end(self, request: Request, response: Response) -> None:
        """Sign a browser out."""
        secure = request.url.scheme == "https"
        response.delete_cookie(_NAME, httponly=True, samesite="strict", secure=secure)

    def digest(self, request: Request, now: datetime) -> str:
        """Return the digest of the token that a browser signed in with; empty where it is not signed in."""
        signed, _, seal = request.cookies.get(_NAME, "").rpartition(".")
        if not hmac.compare_digest(seal.encode(), self._seal("session", signed).encode()):
            return ""
        digest, _, end = signed.partition(".")
        return digest if datetime.fromtimestamp(int(end), UTC) > now else ""

    def csrf(self, request: Request) -> str:
        """Return what each form of a signed-in browser carries; empty where there is no cookie."""
        cookie = request.cookies.get(_NAME)
        return self._seal("form", cookie) if cookie else ""

    def is_own_form(self, request: Request, csrf: str) -> bool:
        """Whether a form was made for this very session."""
        expected = self.csrf(request)
        return bool(expected) and hmac.compare_digest(expected.encode(), csrf.encode())

    def _seal(self, what: str, text: str) -> str:
        return hmac.new(self._key, f"{what}:{text}".encode(), hashlib.sha256).hexdigest()
