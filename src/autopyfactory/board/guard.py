"""Who may call the board, and how much may be sent at once."""

import hmac
import json

from autopyfactory.serving import App, Message, Receive, Send, read_body, replay

MAX_BODY_BYTES = 16 * 1024 * 1024


class Guard:
    """ASGI middleware: refuses before anything is parsed, in the shape of a PanDA reply.

    With a token, every call but ``/healthz`` must carry it.  Without one whoever reaches the port may use the
    board, except for web pages: a browser on the same machine would otherwise let any site submit jobs.
    """

    def __init__(self, app: App, token: str | None, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._token = token
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on what is allowed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal:
            await _refuse(send, 401, refusal)
            return
        body = await read_body(receive, self._max_body_bytes)
        if body is None:
            await _refuse(send, 413, f"more than {self._max_body_bytes} bytes; send fewer jobs at once")
            return
        await self._app(scope, replay(body, receive), send)

    def _refusal(self, scope: Message) -> str:
        headers = dict(scope["headers"])
        if scope["path"] == "/healthz":
            return ""
        if self._token is None:
            return "a web page may not use a board without a token" if b"origin" in headers else ""
        expected = f"Bearer {self._token}".encode()
        good = hmac.compare_digest(headers.get(b"authorization", b""), expected)
        return "" if good else "this board asks for a token; send it as Authorization: Bearer TOKEN"


async def _refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"success": False, "message": message, "data": None}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # what was not read of the request would be taken for the next one
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
