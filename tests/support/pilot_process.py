"""The wrapper as a batch system starts it, and a WMS that says what the test wants."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autopyfactory.bundle import place_wrapper

if TYPE_CHECKING:
    from collections.abc import Callable

DONE = {"StatusCode": 0, "command": "NULL"}


@cache
def built_wrapper() -> Path:
    """Return the wrapper as it is shipped, one file; built once for all tests of a run."""
    folder = tempfile.mkdtemp(prefix="apf-wrapper-")
    atexit.register(shutil.rmtree, folder)
    return place_wrapper(Path(folder))


@cache
def old_python() -> str | None:
    """Return a Python 3.6, the oldest that the wrapper has to run on; None where this machine has none."""
    places = [shutil.which("python3.6"), *Path.home().glob(".pyenv/versions/3.6*/bin/python3.6")]
    for place in places:
        if place and subprocess.run([place, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(place)
    return None


def start_pilot(
    url: str, directory: Path, *options: str, python: str = sys.executable, **environment: str
) -> "subprocess.Popen[str]":
    """Start a pilot for queue Q that gives up soon; its stdout is to be read."""
    words = ["--wrapperserverurl", url, "--wrapperwmsqueue", "Q", "--patience", "0", "--poll", "0.1"]
    return start_wrapper(directory, *words, *options, python=python, **environment)


def start_wrapper(
    directory: Path, *options: str, python: str = sys.executable, **environment: str
) -> "subprocess.Popen[str]":
    """Start the wrapper with these options alone; its stdout, which its stderr goes to too, is to be read."""
    return subprocess.Popen(
        [python, "-I", "-S", str(built_wrapper()), *options],
        cwd=directory,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_pilot(url: str, directory: Path, *options: str, **more: str) -> tuple[int, str]:
    """Run a pilot to its end; return exit code and output."""
    process = start_pilot(url, directory, *options, **more)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def run_wrapper(directory: Path, *options: str, **more: str) -> tuple[int, str]:
    """Run the wrapper with these options alone to its end; return exit code and output."""
    process = start_wrapper(directory, *options, **more)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def job(job_id: int, command: str, *, pars: str = "", **more: Any) -> dict[str, Any]:
    """Describe a job as a WMS hands it out."""
    return {"PandaID": job_id, "attemptNr": 1, "transformation": command, "jobPars": pars, **more}


class ScriptedWms:
    """Hands out the given jobs one by one, and answers reports as told."""

    def __init__(self) -> None:
        self.jobs: list[Any] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.on_update: Callable[[dict[str, Any]], Any] = lambda _: DONE
        """Gives the data of a good reply, or a whole reply with ``success``, or an HTTP status."""
        self.on_acquire: Callable[[], Any] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def updates(self, status: str) -> list[dict[str, Any]]:
        """Return the reports of this status."""
        bodies = [body for method, body in self.calls if method == "/api/v1/pilot/update_job"]
        return [body for body in bodies if body["job_status"] == status]

    def _answer(self, method: str, body: dict[str, Any]) -> Any:
        if method == "/api/v1/pilot/update_job":
            return self.on_update(body)
        assert method == "/api/v1/pilot/acquire_jobs"
        if self.on_acquire is not None:
            return self.on_acquire()
        if not self.jobs:
            return {"success": False, "message": "No jobs in PanDA", "data": None}
        return {"StatusCode": 0, "jobs": [self.jobs.pop(0)]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        wms = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                wms.calls.append((self.path, body))
                wms.headers.append(dict(self.headers))
                answer = wms._answer(self.path, body)
                status = answer if isinstance(answer, int) else 200
                whole = isinstance(answer, dict) and "success" in answer
                reply = answer if whole else {"success": True, "message": "", "data": answer}
                text = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
