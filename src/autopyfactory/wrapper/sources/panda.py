"""The source ``panda``: jobs of a WMS that speaks the PanDA API v1, AutoPyFactory's board or PanDA."""

import base64
import json
import os
import shlex
import socket
from typing import Any, Dict, List, NamedTuple, Optional

from autopyfactory.wrapper.errors import BadPayload, Unanswered, UsageError
from autopyfactory.wrapper.payload import Command, Outcome
from autopyfactory.wrapper.sources.source import Source, Work
from autopyfactory.wrapper.talk import say
from autopyfactory.wrapper.web import TROUBLE, opener, post, told

MAX_REPLY_BYTES = 64 * 1024 * 1024
NO_JOBS = "No jobs in PanDA"
GIVE_UP = ("tobekilled", "badattemptnr", "alreadydone")
"""PanDA's commands that mean: this payload is not wanted any more."""


class Asked(NamedTuple):
    """What the WMS is asked for."""

    queue: str
    label: str
    batch_queue: str = ""
    memory_mb: Optional[int] = None
    cores: Optional[int] = None
    heartbeat_s: float = 300.0


class Api(object):
    """Calls of the PanDA API v1."""

    def __init__(self, url: str) -> None:
        self._base = url.rstrip("/") + "/api/v1/"
        certificate = os.environ.get("X509_USER_PROXY", "")
        try:
            self._opener = opener(url, certificate=certificate if url.startswith("https:") else "")
        except OSError as error:
            raise UsageError("X509_USER_PROXY: %s: %s" % (certificate, error)) from error
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        self._headers.update(token_headers())

    def call(self, method: str, body: Dict[str, Any], headers: Dict[str, str]) -> Dict[str, Any]:
        """Return the whole reply; raises `Unanswered`."""
        url = self._base + method
        sent = dict(self._headers)
        sent.update(headers)
        try:
            text = post(self._opener, url, json.dumps(body).encode("utf-8"), sent, MAX_REPLY_BYTES)
            if len(text) > MAX_REPLY_BYTES:
                raise Unanswered("%s: the answer is too large" % url)
            reply = json.loads(text.decode("utf-8"))
        except TROUBLE as error:
            raise Unanswered("%s: %s" % (url, told(error))) from error
        if not isinstance(reply, dict) or not isinstance(reply.get("success"), bool):
            raise Unanswered("%s: not an answer of a WMS: %.200r" % (url, reply))
        return reply


def token_headers() -> Dict[str, str]:
    """Return the headers of a pilot with a token: PANDA_AUTH_TOKEN names its file, as for PanDA's pilot."""
    path = os.environ.get("PANDA_AUTH_TOKEN")
    if not path:
        return {}
    try:
        with open(path, encoding="ascii") as lines:
            token = lines.read().strip()
    except (OSError, ValueError) as error:
        raise UsageError("PANDA_AUTH_TOKEN: %s" % error) from error
    headers = {"Authorization": "Bearer " + token}
    if os.environ.get("PANDA_AUTH_ORIGIN"):
        headers["Origin"] = os.environ["PANDA_AUTH_ORIGIN"]
    return headers


class PandaWork(Work):
    """One job."""

    def __init__(
        self,
        api: Api,
        asked: Asked,
        described: Dict[str, Any],
        environment: Dict[bytes, bytes],
        vmem_kb: Optional[int] = None,
    ) -> None:
        """Take the job as the WMS describes it; raises `BadPayload` where nothing can be reported on it."""
        self._api = api
        self._asked = asked
        self._described = described
        self._environment = environment
        self._vmem_kb = vmem_kb
        try:
            self.job_id = int(described["PandaID"])
            attempt, lease = described.get("attemptNr"), described.get("leaseSeconds")
            self.attempt = None if attempt is None else int(attempt)
            lease_s = None if lease is None else float(lease)
        except (KeyError, TypeError, ValueError) as error:
            raise BadPayload("a job without usable PandaID, attemptNr or leaseSeconds: %r" % error) from error
        self.name = str(self.job_id)
        # well within the lease: three may get lost before the WMS gives the pilot up
        self.beat_s = asked.heartbeat_s if lease_s is None else min(asked.heartbeat_s, lease_s / 4)

    def prepare(self, directory: str) -> Command:
        """Write the input files, return the command."""
        try:
            transformation = self._described["transformation"]
            if transformation.startswith(("http://", "https://")):
                raise BadPayload("the transformation %s is a URL; this pilot runs commands" % transformation)
            words = [transformation, *shlex.split(self._described.get("jobPars") or "")]
            environment = dict(self._environment)
            environment[b"PANDAID"] = self.name.encode("ascii")
            for name, value in (self._described.get("environment") or {}).items():
                environment[name.encode("utf-8")] = value.encode("utf-8")
            command = Command([word.encode("utf-8") for word in words], environment, self._vmem_kb)
            files = [_input(entry) for entry in self._described.get("inputs") or []]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadPayload("a job that cannot be run: %r" % error) from error
        for name, content, mode in files:
            path = os.path.join(os.fsencode(directory), name)
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, mode)
        return command

    def beat(self) -> bool:
        """Report it as running."""
        return self._update("running", {})

    def report(self, outcome: Outcome) -> None:
        """Report it as finished or failed."""
        body: Dict[str, Any] = {
            "trans_exit_code": outcome.exit_code,
            "pilot_error_code": outcome.pilot_error,
        }
        if outcome.diag:
            body["pilot_error_diag"] = outcome.diag
        if outcome.result:
            body["meta_data"] = outcome.result
        self._update(outcome.status, body)

    def _update(self, status: str, more: Dict[str, Any]) -> bool:
        body: Dict[str, Any] = {
            "job_id": self.job_id,
            "job_status": status,
            "site_name": self._asked.queue,
            "node": socket.gethostname(),
        }
        if self.attempt is not None:
            body["attempt_nr"] = self.attempt
        for key, name in (("pilot_id", "APF_PILOT"), ("batch_id", "APFCID"), ("scheduler_id", "APFFID")):
            if os.environ.get(name):
                body[key] = os.environ[name]
        body.update(more)
        reply = self._api.call("pilot/update_job", body, {})
        data = reply.get("data")
        data = data if isinstance(data, dict) else {}
        if data.get("command") in GIVE_UP:
            say("WMS on job %s: %s %s" % (self.name, data["command"], reply.get("message") or ""))
            return False
        if not reply["success"] or data.get("StatusCode", 0) != 0:
            raise Unanswered("the WMS says: %s" % (reply.get("message") or data))
        return True


def _input(entry: Dict[str, Any]) -> Any:
    name = entry["name"]
    if name in ("", ".", "..") or os.path.basename(name) != name:
        raise BadPayload("input file %r: not a plain name" % name)
    content = base64.b64decode(entry["data"], validate=True)
    return name.encode("utf-8"), content, 0o755 if entry.get("executable") else 0o644


class PandaSource(Source):
    """Takes jobs of one queue."""

    def __init__(
        self, api: Api, asked: Asked, environment: Dict[bytes, bytes], vmem_kb: Optional[int] = None
    ) -> None:
        self._api = api
        self._asked = asked
        self._environment = environment
        self._vmem_kb = vmem_kb

    def next(self) -> Optional[Work]:
        """Return a job, None if the WMS has none."""
        asked = self._asked
        body: Dict[str, Any] = {
            "site_name": asked.queue,
            "prod_source_label": asked.label,
            "node": socket.gethostname(),
            "n_jobs": 1,
        }
        if asked.batch_queue:
            body["computing_element"] = asked.batch_queue
        if asked.memory_mb:
            body["memory"] = asked.memory_mb
        if os.environ.get("APFFID"):
            body["scheduler_id"] = os.environ["APFFID"]
        # PanDA goes by its queue; a board heeds this
        headers = {"X-APF-Cores": str(asked.cores)} if asked.cores else {}
        reply = self._api.call("pilot/acquire_jobs", body, headers)
        if not reply["success"]:
            if reply.get("message") == NO_JOBS:
                return None
            raise Unanswered("the WMS says: %s" % reply.get("message"))
        jobs = _jobs(reply.get("data"))
        return PandaWork(self._api, asked, jobs[0], self._environment, self._vmem_kb) if jobs else None


def _jobs(data: Any) -> List[Dict[str, Any]]:
    jobs = data.get("jobs") if isinstance(data, dict) else None
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise Unanswered("the WMS handed out %.200r" % (data,))
    return jobs
