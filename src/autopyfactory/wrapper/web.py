"""HTTP: openers that fit what they are for, and one way to tell what went wrong."""

import http.client
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, Optional

HTTP_TIMEOUT_S = 20
SAID_CHARACTERS = 300
TROUBLE = (OSError, http.client.HTTPException, ValueError)
"""What a call may raise: `urllib.error.HTTPError` and sockets' errors are `OSError`."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a token is for the named server alone."""

    def redirect_request(self, *_: Any) -> None:
        """Return no new request, so that the redirect counts as an error."""


def opener(url: str, redirects: bool = False, certificate: str = "") -> urllib.request.OpenerDirector:
    """Return what opens this URL; ``certificate`` names a PEM file (a proxy) to show to the server."""
    handlers: List[urllib.request.BaseHandler] = []
    if not redirects:
        handlers.append(_NoRedirect())
    host = urllib.parse.urlsplit(url).hostname or ""
    if host == "localhost" or host == "::1" or host.startswith("127."):
        # a proxy, however configured, cannot reach what is on this machine
        handlers.append(urllib.request.ProxyHandler({}))
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=_context(certificate)))
    return urllib.request.build_opener(*handlers)


def _context(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authorities = os.environ.get("X509_CERT_DIR", "/etc/grid-security/certificates")
    if os.path.isdir(authorities):
        context.load_verify_locations(capath=authorities)
    if certificate:
        context.load_cert_chain(certificate)
    return context


def is_http(url: str) -> bool:
    """Tell whether this is the URL of a web server."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def post(
    through: urllib.request.OpenerDirector,
    url: str,
    body: bytes,
    headers: Dict[str, str],
    most_bytes: int,
    timeout_s: Optional[float] = None,
) -> bytes:
    """Post and return the answer's body, at most one byte more than ``most_bytes``; raises `TROUBLE`."""
    request = urllib.request.Request(url, body, headers)
    with through.open(request, timeout=timeout_s or HTTP_TIMEOUT_S) as response:
        return bytes(response.read(most_bytes + 1))


def told(error: Exception) -> str:
    """Say what went wrong with a call."""
    if isinstance(error, urllib.error.HTTPError):
        with error:
            try:
                said = error.read(SAID_CHARACTERS).decode("utf-8", "replace")
            except TROUBLE:
                said = ""
        return ("HTTP %s %s %s" % (error.code, error.reason, said)).strip()
    return str(error) or type(error).__name__
