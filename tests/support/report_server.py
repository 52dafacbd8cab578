"""A factory's monitor that takes what wrappers report, and answers as the test wants."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

PILOT_ID = "01KDZJ5Q8R5V6M2W7X9Y0Z1A2B"


class ReportServer:
    """Keeps every call; answers with the given statuses first, then with 202."""

    def __init__(self, statuses: "Iterable[int]" = (), *, always: int = 202) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self._statuses = list(statuses)
        self._always = always
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/base"

    @property
    def environment(self) -> dict[str, str]:
        """What the factory gives to a pilot that reports here."""
        return {"APF_REPORT_URL": self.url, "APF_PILOT": PILOT_ID, "APF_PILOT_TOKEN": "signed"}

    @property
    def reports(self) -> list[dict[str, Any]]:
        """All reports in the order in which they came, repeats too."""
        bodies = [json.loads(body) for path, _, body in self.calls if path.endswith("/reports")]
        return [report for body in bodies for report in body["reports"]]

    def states(self) -> list[str]:
        """Return the states without heartbeats."""
        return [report["state"] for report in self.reports if report["state"] != "heartbeat"]

    def of(self, state: str) -> list[dict[str, Any]]:
        return [report for report in self.reports if report["state"] == state]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.calls.append((self.path, dict(self.headers), body))
                self.send_response(server._statuses.pop(0) if server._statuses else server._always)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
