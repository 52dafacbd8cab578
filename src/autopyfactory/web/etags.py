"""ETags of what is read through the API, so that a page that asks every few seconds gets only what is new."""

import hashlib

from autopyfactory.serving import App, Message, Receive, Send


class Etags:
    """ASGI middleware: answers 304 where the caller has the document already."""

    def __init__(self, app: App, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on, and look at what comes back."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        wanted = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
        await self._app(scope, receive, _Tagging(send, wanted))


class _Tagging:
    def __init__(self, send: Send, wanted: bytes) -> None:
        self._send = send
        self._known = {tag.strip().removeprefix(b"W/") for tag in wanted.split(b",")} - {b""}
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            if message["status"] != 200:
                await self._send(message)
            return
        if self._start.get("status") != 200 or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._finish()

    async def _finish(self) -> None:
        tag = b'"' + hashlib.sha256(self._body).hexdigest()[:32].encode() + b'"'
        # weak, since a proxy may compress the document; not to be kept without asking again
        headers = [*self._start["headers"], (b"etag", b"W/" + tag), (b"cache-control", b"no-cache")]
        if self._known & {tag, b"*"}:
            kept = [
                (name, value) for name, value in headers if name not in (b"content-length", b"content-type")
            ]
            await self._send({**self._start, "status": 304, "headers": kept})
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": bytes(self._body)})
