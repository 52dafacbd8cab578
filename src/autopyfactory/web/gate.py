"""What every request passes first: who it is from, how many there are, how large it is; safe headers."""

import re
from collections.abc import Mapping

from starlette.requests import Request

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.model import Scope
from autopyfactory.serving import App, Message, Receive, Send, read_body, replay
from autopyfactory.web.access import PREFIX, Caller, known_token, within
from autopyfactory.web.context import WebContext
from autopyfactory.web.limits import Limiter
from autopyfactory.web.origins import origin_of
from autopyfactory.web.problems import Answer, Problem, as_document, store_away, unauthorized
from autopyfactory.web.sessions import Sessions

MAX_BODY_BYTES = 64 * 1024
MAX_REPORT_BYTES = 256 * 1024
MAX_MONITOR_BYTES = 8 * 1024 * 1024
"""Factories announce thousands of pilots at once."""
_REPORTS_PATH = re.compile(r"/api/v1/pilots/([^/]+)/reports")
MONITOR_PATH = re.compile(r"/api/(factories|labels|jobs)(/.*)?", re.DOTALL)

SAFE_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_HSTS = {"strict-transport-security": "max-age=31536000"}


class Gate:
    """ASGI middleware.  Refuses bad tokens wherever they are sent: nobody is to believe in one."""

    def __init__(
        self,
        app: App,
        context: WebContext,
        limiter: Limiter,
        sessions: Sessions | None = None,
        answer: Answer = as_document,
    ) -> None:
        self._app = app
        self._context = context
        self._limiter = limiter
        self._sessions = sessions
        self._answer = answer
        headers = {**SAFE_HEADERS, **(_HSTS if context.config.web.tls_certificate else {})}
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on what is allowed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = self._guarded(send)
        try:
            scope.setdefault("state", {})["caller"] = await self._caller(scope)
            body = await _body(scope, receive)
        except Problem as problem:
            await self._refuse(problem, scope, receive, guarded)
        except (StoreUnavailable, StoreRefused) as error:
            await self._refuse(store_away(error), scope, receive, guarded)
        else:
            await self._app(scope, replay(body, receive), guarded)

    async def _refuse(self, problem: Problem, scope: Message, receive: Receive, send: Send) -> None:
        # what was not read of the request would be taken for the next one
        problem.headers["connection"] = "close"
        await self._answer(Request(scope), problem)(scope, receive, send)

    async def _caller(self, scope: Message) -> Caller:
        origin = self._origin(scope)
        authorization = header(scope, b"authorization")
        if _writes_to_monitor(scope):
            # not counted: wrappers share addresses, and what is refused they do not send again
            if within(origin, self._context.config.web.monitor_networks):
                return Caller(origin)
            self._limiter.charge(f"address {origin}")
            raise Problem(403, 'the monitor takes reports only from "[web] monitor_networks"')
        if reporting_pilot(scope) is not None:
            # pilots share addresses, and are counted one by one where their tokens are looked at
            if PREFIX not in authorization:
                return Caller(origin)
        elif not authorization:
            return await self._browser(scope, origin)
        kind, _, token = authorization.partition(" ")
        try:
            if kind.lower() != "bearer" or not token.startswith(PREFIX):
                raise unauthorized("expected Authorization: Bearer TOKEN, with a token of apf token create")
            known = await known_token(self._context.reading, self._context.clock, token)
        except Problem:
            self._limiter.charge(f"address {origin}")
            raise
        if Scope.REPORT not in known.scopes or len(known.scopes) > 1:
            self._limiter.charge(f"token {known.id}")
        return Caller(origin, known.name, known.scopes)

    async def _browser(self, scope: Message, origin: str) -> Caller:
        """Return who sends no token: nobody, or whoever signed in.  The API takes tokens alone."""
        digest = ""
        if self._sessions is not None and not scope["path"].startswith("/api/"):
            digest = self._sessions.digest(Request(scope), self._context.clock.now())
        known = await self._context.reading.token(digest) if digest else None
        if known is None or known.refusal(self._context.clock.now()):
            self._limiter.charge(f"address {origin}")
            return Caller(origin)
        self._limiter.charge(f"token {known.id}")
        return Caller(origin, known.name, known.scopes)

    def _origin(self, scope: Message) -> str:
        peer = scope["client"][0] if scope.get("client") else ""
        proxies = self._context.config.web.trusted_proxies
        if proxies and within(peer, proxies) and header(scope, b"x-forwarded-proto") == "https":
            scope["scheme"] = "https"
        return origin_of(peer, _whole_header(scope, b"x-forwarded-for"), proxies)

    def _guarded(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *[(name, value) for name, value in self._headers if name not in given],
                ]
            await send(message)

        return send_with_headers


def reporting_pilot(scope: Message) -> str | None:
    """Return the pilot that a call brings reports of; None for all other calls."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    found = _REPORTS_PATH.fullmatch(scope["path"])
    return found[1] if found else None


async def _body(scope: Message, receive: Receive) -> bytes:
    limit = MAX_REPORT_BYTES if reporting_pilot(scope) is not None else MAX_BODY_BYTES
    if _writes_to_monitor(scope):
        limit = MAX_MONITOR_BYTES
    announced = header(scope, b"content-length")
    too_large = announced.isdecimal() and int(announced[:20]) > limit
    body = None if too_large else await read_body(receive, limit)
    if body is None:
        raise Problem(413, f"a request may have at most {limit} bytes")
    return body


def _writes_to_monitor(scope: Message) -> bool:
    return scope["method"] not in ("GET", "HEAD") and bool(MONITOR_PATH.fullmatch(scope["path"]))


def header(scope: Message, name: bytes) -> str:
    """Return a header of a request; an empty text where there is none."""
    value: bytes = next((value for key, value in scope["headers"] if key == name), b"")
    return value.decode("latin-1")


def _whole_header(scope: Message, name: bytes) -> str:
    """Return a header that may be written in several lines."""
    return b",".join(value for key, value in scope["headers"] if key == name).decode("latin-1")
