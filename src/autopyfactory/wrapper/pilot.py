#!/usr/bin/env python3
"""The first code on a worker node: looks at the node, then asks the WMS for payloads and runs them.

One file, the standard library of Python 3.6 and nothing else, so that it runs wherever a batch system puts
it: ``python3 -I -S pilot.py --wrapperserverurl URL --wrapperwmsqueue QUEUE``.  The WMS is anything that
speaks ``pilot/acquire_jobs`` and ``pilot/update_job`` of the PanDA API v1: AutoPyFactory's board, or PanDA.
"""

import argparse
import base64
import errno
import http.client
import json
import os
import platform
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn, Optional, Tuple

VERSION = "3.0"

EXIT_DONE = 0
EXIT_EMPTY = 80
EXIT_UNREPORTED = 81
EXIT_UNREACHABLE = 82
EXIT_ENVIRONMENT = 83
EXIT_TERMINATED = 143

HTTP_TIMEOUT_S = 20
MAX_REPLY_BYTES = 64 * 1024 * 1024
MAX_RESULT_BYTES = 64 * 1024
RESULT_FILE = "result.json"
SHOWN_BYTES = 4000
"""How much of a payload's output goes into the pilot's own."""
DIAG_CHARACTERS = 300
KILL_GRACE_S = 5
"""Between SIGTERM and SIGKILL to a payload."""
LAST_REPORT_S = 20
"""How long a pilot that was told to end goes on trying to report."""
MAX_BACKOFF_S = 30.0
PILOT_KILLED = 1201
"""PanDA's pilot error code for a pilot that got SIGTERM."""
PILOT_FAULT = 1099
CANNOT_RUN = 127
"""What shells tell of a command that was not found; reported of every payload that did not start."""
NO_JOBS = "No jobs in PanDA"
GIVE_UP = ("tobekilled", "badattemptnr", "alreadydone")
"""PanDA's commands that mean: this payload is not wanted any more."""

EXIT_CODES = """
exit codes:
   0  at least one payload was run, and every outcome reported; a payload that failed
      is the payload's matter, and reported to the WMS
  80  empty: the WMS had no work for this pilot
  81  the outcome of a payload could not be reported
  82  the WMS never gave a usable answer
  83  wrong usage, or the node does not let the pilot work
 143  told to end by a signal; a payload that ran was reported as failed, to be retried
"""


class Unanswered(Exception):
    """The WMS gave no usable answer; what was asked for may have been done all the same."""


class BadJob(Exception):
    """The WMS handed out something that cannot be run."""


class UsageError(Exception):
    """The command line makes no sense."""


# ----------------------------------------------------------------- talking


def say(text: str) -> None:
    """Write a line with the time in UTC to stdout; a closed stdout does not stop the pilot."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write("%s %s\n" % (stamp, text))


def banner(title: str) -> None:
    """Write a line that the eye finds in a long log."""
    say("===== %s =====" % title)


def write(text: str) -> None:
    """Write text as UTF-8, whatever the locale of the node.

    Past Python's own buffer: what that could not flush at the end would change the exit code.
    """
    data = text.encode("utf-8", "replace")
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:
        pass


# ----------------------------------------------------------------- the node


def first_line(path: str, key: str = "") -> str:
    """Return what follows ``key`` on the first line of a file that begins with it; empty if there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(key):
                    return line[len(key) :].strip(" \t\n:=\"'")
    except OSError:
        pass
    return ""


def host_facts() -> List[Tuple[str, str]]:
    """Return what somebody who looks for a bad node wants to know."""
    try:
        usable = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        usable = os.cpu_count() or 0
    disk = shutil.disk_usage(os.getcwd())
    return [
        ("host", socket.getfqdn()),
        ("system", first_line("/etc/os-release", "PRETTY_NAME") or platform.system()),
        ("kernel", platform.release()),
        ("python", "%s at %s" % (platform.python_version(), sys.executable)),
        ("cpu", first_line("/proc/cpuinfo", "model name") or platform.machine()),
        ("cores", "%s, %d usable" % (os.cpu_count(), usable)),
        ("memory", first_line("/proc/meminfo", "MemTotal") or "unknown"),
        ("memory available", first_line("/proc/meminfo", "MemAvailable") or "unknown"),
        ("load", first_line("/proc/loadavg") or "unknown"),
        ("user", "uid %d gid %d" % (os.getuid(), os.getgid())),
        ("directory", "%s, %d MB free of %d MB" % (os.getcwd(), disk.free >> 20, disk.total >> 20)),
    ]


IDENTITY = ("APF_PILOT", "APFFID", "APFCID", "FACTORYQUEUE", "FACTORY_JOBID", "GTAG", "PANDA_JSID")
"""Variables by which the factory tells a pilot who it is; none is secret."""


def print_facts() -> None:
    """Print the pilot's identity and its host."""
    banner("pilot %s" % VERSION)
    for name in IDENTITY:
        if name in os.environ:
            say("%s: %s" % (name, os.environ[name]))
    banner("host")
    for name, fact in host_facts():
        say("%s: %s" % (name, fact))


# ----------------------------------------------------------------- the end


class Ending(object):
    """Whether the pilot was told to end.

    Signal handlers only set a number: a lock that the main thread holds must not be asked for in one.
    """

    def __init__(self) -> None:
        self.signal = 0

    def watch(self) -> None:
        """Take over the signals by which batch systems end jobs."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, self._told)

    def _told(self, number: int, frame: Any) -> None:
        self.signal = self.signal or number

    def pause(self, seconds: float) -> None:
        """Sleep, but not on after a signal."""
        until = time.monotonic() + seconds
        while not self.signal and time.monotonic() < until:
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))


class Backoff(object):
    """Growing pauses, each with some chance in it, so that pilots do not call all at once."""

    def __init__(self, most_s: float = MAX_BACKOFF_S) -> None:
        self._most_s = most_s
        self._next_s = min(1.0, most_s)

    def next(self) -> float:
        """Return the next pause in seconds."""
        pause_s = self._next_s
        self._next_s = min(self._most_s, 2 * pause_s)
        return pause_s * random.uniform(0.7, 1.0)


# ----------------------------------------------------------------- the WMS


class Job(NamedTuple):
    """One payload to run."""

    job_id: int
    attempt: Optional[int]
    command: List[bytes]
    environment: Dict[bytes, bytes]
    inputs: List[Tuple[str, bytes, bool]]
    """Name, content, executable?"""
    lease_s: Optional[float]


class Outcome(NamedTuple):
    """What became of a payload."""

    exit_code: int
    diag: str = ""
    """Why it failed; empty if it finished."""
    result: str = ""
    pilot_error: int = 0


class StraightRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for the named server alone."""

    def redirect_request(self, *_: Any) -> None:
        """Return no new request, so that the redirect counts as an error."""


class Wms(object):
    """The calls of the PanDA API v1 that a pilot makes."""

    def __init__(self, url: str, queue: str, label: str, batch_queue: str) -> None:
        self._base = url.rstrip("/") + "/api/v1/"
        self._queue = queue
        self._label = label
        self._batch_queue = batch_queue
        self._node = socket.gethostname()
        host = urllib.parse.urlsplit(url).hostname or ""
        handlers = [StraightRedirect()]  # type: List[urllib.request.BaseHandler]
        if host == "localhost" or host == "::1" or host.startswith("127."):
            # a proxy, however configured, cannot reach what is on this machine
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        self._headers.update(token_headers())

    def acquire(self, memory_mb: Optional[int], cores: Optional[int]) -> Optional[Dict[str, Any]]:
        """Return a job as the WMS describes it, None if it has none; raises `Unanswered`."""
        body = {
            "site_name": self._queue,
            "prod_source_label": self._label,
            "node": self._node,
            "n_jobs": 1,
        }  # type: Dict[str, Any]
        if self._batch_queue:
            body["computing_element"] = self._batch_queue
        if memory_mb:
            body["memory"] = memory_mb
        if os.environ.get("APFFID"):
            body["scheduler_id"] = os.environ["APFFID"]
        reply = self._post("pilot/acquire_jobs", body, {"X-APF-Cores": str(cores)} if cores else {})
        data = reply.get("data")
        if not reply["success"]:
            if reply.get("message") == NO_JOBS:
                return None
            raise Unanswered("the WMS says: %s" % reply.get("message"))
        jobs = data.get("jobs") if isinstance(data, dict) else None
        if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
            raise Unanswered("the WMS handed out %.200r" % (data,))
        return jobs[0] if jobs else None

    def update(self, job: Job, status: str, outcome: Optional[Outcome] = None) -> bool:
        """Report a status; False if the payload is not wanted any more.  Raises `Unanswered`."""
        body = {
            "job_id": job.job_id,
            "job_status": status,
            "site_name": self._queue,
            "node": self._node,
        }  # type: Dict[str, Any]
        if job.attempt is not None:
            body["attempt_nr"] = job.attempt
        for key, name in (("pilot_id", "APF_PILOT"), ("batch_id", "APFCID"), ("scheduler_id", "APFFID")):
            if os.environ.get(name):
                body[key] = os.environ[name]
        if outcome is not None:
            body["trans_exit_code"] = outcome.exit_code
            body["pilot_error_code"] = outcome.pilot_error
            if outcome.diag:
                body["pilot_error_diag"] = outcome.diag
            if outcome.result:
                body["meta_data"] = outcome.result
        reply = self._post("pilot/update_job", body, {})
        data = reply.get("data")
        data = data if isinstance(data, dict) else {}
        if data.get("command") in GIVE_UP:
            say("WMS on job %d: %s %s" % (job.job_id, data["command"], reply.get("message") or ""))
            return False
        if not reply["success"] or data.get("StatusCode", 0) != 0:
            raise Unanswered("the WMS says: %s" % (reply.get("message") or data))
        return True

    def _post(self, method: str, body: Dict[str, Any], headers: Dict[str, str]) -> Dict[str, Any]:
        url = self._base + method
        sent = dict(self._headers)
        sent.update(headers)
        try:
            request = urllib.request.Request(url, json.dumps(body).encode("utf-8"), sent)
            with self._opener.open(request, timeout=HTTP_TIMEOUT_S) as response:
                text = response.read(MAX_REPLY_BYTES + 1)
            if len(text) > MAX_REPLY_BYTES:
                raise Unanswered("%s: the answer is too large" % url)
            reply = json.loads(text.decode("utf-8"))
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(DIAG_CHARACTERS).decode("utf-8", "replace")
            raise Unanswered("%s: HTTP %s %s %s" % (url, error.code, error.reason, said)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered("%s: %s" % (url, str(error) or type(error).__name__)) from error
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


def identified(described: Dict[str, Any]) -> Job:
    """Return the job with its identity alone, enough to report on it; raises `BadJob`."""
    try:
        attempt = described.get("attemptNr")
        lease = described.get("leaseSeconds")
        return Job(
            int(described["PandaID"]),
            None if attempt is None else int(attempt),
            [],
            {},
            [],
            None if lease is None else float(lease),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadJob("a job without a usable PandaID, attemptNr or leaseSeconds: %r" % error) from error


def completed(job: Job, described: Dict[str, Any]) -> Job:
    """Return the job with what is to be run; raises `BadJob`."""
    try:
        transformation = described["transformation"]
        if transformation.startswith(("http://", "https://")):
            raise BadJob("the transformation %s is a URL; this pilot runs commands" % transformation)
        words = [transformation, *shlex.split(described.get("jobPars") or "")]
        environment = described.get("environment") or {}
        inputs = []
        for entry in described.get("inputs") or []:
            name = entry["name"]
            if name in ("", ".", "..") or os.path.basename(name) != name:
                raise BadJob("input file %r: not a plain name" % name)
            content = base64.b64decode(entry["data"], validate=True)
            inputs.append((name, content, bool(entry.get("executable"))))
        return job._replace(
            # bytes: on a node with the C locale Python 3.6 could not pass on other characters
            command=[word.encode("utf-8") for word in words],
            environment={k.encode("utf-8"): v.encode("utf-8") for k, v in environment.items()},
            inputs=inputs,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadJob("a job that cannot be run: %r" % error) from error


class Heartbeat(threading.Thread):
    """Tells the WMS at intervals that a payload runs, and learns whether it shall end."""

    def __init__(self, wms: Wms, job: Job, every_s: float) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._wms = wms
        self._job = job
        self._every_s = every_s
        self._ended = threading.Event()
        self.unwanted = False

    def run(self) -> None:
        """Report until `end` is called."""
        pause_s = 0.0
        while not self._ended.wait(pause_s):
            try:
                if not self._wms.update(self._job, "running"):
                    self.unwanted = True
                    return
                pause_s = self._every_s
            except Unanswered as error:
                say("heartbeat of job %d: %s" % (self._job.job_id, error))
                pause_s = self._every_s / 2

    def end(self) -> None:
        """Report no more.  A call that is under way is left alone: the WMS tells it from the outcome."""
        self._ended.set()


# ----------------------------------------------------------------- the payload


def load_libc() -> Any:
    """Return the C library, None where it cannot be had; before any fork, not in one."""
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (ImportError, OSError):
        # some nodes have a Python without it
        return None


LIBC = load_libc()
PR_SET_PDEATHSIG = 1


def own_group() -> None:
    """In the payload's process: a process group of its own, and no life without the pilot (Linux)."""
    os.setpgid(0, 0)
    prctl = getattr(LIBC, "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def prepare(job: Job) -> str:
    """Return a new directory with the input files in it; raises `OSError`."""
    directory = tempfile.mkdtemp(prefix="payload-%d-" % job.job_id, dir=os.getcwd())
    for name, content, executable in job.inputs:
        path = os.path.join(os.fsencode(directory), name.encode("utf-8"))
        with open(path, "wb") as file:
            file.write(content)
        if executable:
            os.chmod(path, 0o755)
    return directory


def payload_environment(job: Job) -> Dict[bytes, bytes]:
    """Return the pilot's environment without its token, and the job's over it."""
    environment = dict(os.environb)
    environment.pop(b"PANDA_AUTH_TOKEN", None)
    environment[b"PANDAID"] = str(job.job_id).encode("ascii")
    environment.update(job.environment)
    return environment


EXHAUSTED = (errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.EIO)
"""Errors for which the node is to blame, not the command."""


def start(job: Job, directory: str) -> "subprocess.Popen[bytes]":
    """Start the payload; raises `BadJob` where its command cannot be run, `OSError` where nothing can."""
    with open(os.path.join(directory, "payload.out"), "wb") as out:
        with open(os.path.join(directory, "payload.err"), "wb") as err:
            try:
                return subprocess.Popen(
                    job.command,
                    cwd=directory,
                    env=payload_environment(job),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    preexec_fn=own_group,
                )
            except ValueError as error:
                raise BadJob("cannot start %r: %s" % (job.command[0], error)) from error
            except OSError as error:
                if error.errno in EXHAUSTED:
                    raise
                raise BadJob("cannot start %r: %s" % (job.command[0], error)) from error


def await_end(process: "subprocess.Popen[bytes]", unwanted: Callable[[], bool]) -> int:
    """Return the exit code, minus the signal if it was killed; end the payload once it is unwanted."""
    pause_s = 0.01
    while process.poll() is None:
        if unwanted():
            signal_group(process.pid, signal.SIGTERM)
            try:
                process.wait(KILL_GRACE_S)
            except subprocess.TimeoutExpired:
                say("payload does not end, killing it")
            break
        time.sleep(pause_s)
        pause_s = min(0.25, 1.5 * pause_s)
    # whatever the payload left behind goes with it
    signal_group(process.pid, signal.SIGKILL)
    return process.wait()


def signal_group(group: int, number: int) -> None:
    """Send a signal to all processes of a group; none left is fine."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def tail(path: str, size: int) -> str:
    """Return the end of a file; empty if it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - size))
            return file.read(size).decode("utf-8", "replace")
    except OSError:
        return ""


def show_output(directory: str) -> None:
    """Copy the end of the payload's output into the pilot's."""
    for name in ("payload.out", "payload.err"):
        text = tail(os.path.join(directory, name), SHOWN_BYTES)
        if text:
            banner("end of %s" % name)
            write(text if text.endswith("\n") else text + "\n")


def outcome_of(returned: int, directory: str) -> Outcome:
    """Judge a payload that ended by itself."""
    if returned:
        why = "exit code %d" % returned if returned > 0 else "killed by signal %d" % -returned
        last = tail(os.path.join(directory, "payload.err"), DIAG_CHARACTERS).strip()
        return Outcome(returned if returned > 0 else 128 - returned, "%s: %s" % (why, last) if last else why)
    path = os.path.join(directory, RESULT_FILE)
    if not os.path.isfile(path):
        return Outcome(0)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_RESULT_BYTES + 1)
        if len(content) > MAX_RESULT_BYTES:
            return Outcome(0, "%s has more than %d bytes" % (RESULT_FILE, MAX_RESULT_BYTES))
        return Outcome(0, "", content.decode("utf-8"))
    except (OSError, ValueError) as error:
        return Outcome(0, "%s cannot be read: %s" % (RESULT_FILE, error))


# ----------------------------------------------------------------- the pilot


class Pilot(object):
    """Asks for payloads, runs them one after the other, reports."""

    def __init__(self, options: argparse.Namespace, wms: Wms, ending: Ending) -> None:
        self._options = options
        self._wms = wms
        self._ending = ending
        self._answered = False
        self._payloads = 0
        self._unreported = 0
        self._broken = False

    def run(self) -> int:
        """Work until the lifetime, the work or the patience is out; return the exit code."""
        started = time.monotonic()
        idle_until = started + self._options.idle
        away_until = None  # type: Optional[float]
        backoff = Backoff()
        while self._may_ask(started):
            try:
                described = self._wms.acquire(self._options.memory_mb, self._options.cores)
            except Unanswered as error:
                say(str(error))
                if away_until is None:
                    away_until = time.monotonic() + self._options.patience
                if time.monotonic() >= away_until:
                    say("giving up on the WMS after %g s" % self._options.patience)
                    break
                self._ending.pause(min(backoff.next(), away_until - time.monotonic()))
                continue
            self._answered, away_until, backoff = True, None, Backoff()
            if described is not None:
                self._process(described)
                idle_until = time.monotonic() + self._options.idle
            elif time.monotonic() >= idle_until:
                say("the WMS has no work for this pilot")
                break
            else:
                self._ending.pause(min(self._options.poll, idle_until - time.monotonic()))
        return self._exit_code()

    def _may_ask(self, started: float) -> bool:
        if self._ending.signal or self._broken:
            return False
        if self._options.max_payloads and self._payloads >= self._options.max_payloads:
            say("%d payloads are enough" % self._payloads)
            return False
        if time.monotonic() - started >= self._options.lifetime:
            say("the lifetime of %g s is over" % self._options.lifetime)
            return False
        return True

    def _process(self, described: Dict[str, Any]) -> None:
        try:
            job = identified(described)
        except BadJob as error:
            # nothing to report it under, its lease will end; not asked again at once, for the same answer
            say(str(error))
            self._ending.pause(self._options.poll)
            return
        self._payloads += 1
        banner("job %d, attempt %s" % (job.job_id, job.attempt))
        directory = ""
        try:
            job = completed(job, described)
            directory = prepare(job)
            outcome = self._execute(job, directory)
        except BadJob as error:
            outcome = Outcome(CANNOT_RUN, str(error), pilot_error=PILOT_FAULT)
        except OSError as error:
            # no room, no right to write: the next job would fare no better
            self._broken = True
            why = "the node does not let the pilot work: %s" % error
            outcome = Outcome(CANNOT_RUN, why, pilot_error=PILOT_FAULT)
        self._report(job, outcome)
        if directory:
            shutil.rmtree(directory, ignore_errors=True)

    def _execute(self, job: Job, directory: str) -> Outcome:
        process = start(job, directory)
        heartbeat = Heartbeat(self._wms, job, self._heartbeat_s(job))
        heartbeat.start()
        told = []  # type: List[str]

        def unwanted() -> bool:
            if self._ending.signal:
                told.append("the pilot got signal %d" % self._ending.signal)
            elif heartbeat.unwanted:
                told.append("the WMS wants it no more")
            return bool(told)

        returned = await_end(process, unwanted)
        heartbeat.end()
        show_output(directory)
        if told:
            return Outcome(128 + signal.SIGTERM, "stopped: " + told[0], pilot_error=PILOT_KILLED)
        return outcome_of(returned, directory)

    def _heartbeat_s(self, job: Job) -> float:
        # well within the lease: three may get lost before the WMS gives the pilot up
        wanted = float(self._options.heartbeat)
        return wanted if job.lease_s is None else min(wanted, job.lease_s / 4)

    def _report(self, job: Job, outcome: Outcome) -> None:
        status = "failed" if outcome.diag else "finished"
        say("job %d %s: %s" % (job.job_id, status, outcome.diag or "exit code 0"))
        backoff = Backoff(min(MAX_BACKOFF_S, self._heartbeat_s(job)))
        until = time.monotonic() + self._options.report_limit
        while True:
            if self._ending.signal:
                until = min(until, time.monotonic() + LAST_REPORT_S)
            try:
                self._wms.update(job, status, outcome)
                return
            except Unanswered as error:
                say("outcome of job %d: %s" % (job.job_id, error))
            pause_s = min(backoff.next(), until - time.monotonic())
            if pause_s > 0 and self._ending.signal:
                time.sleep(min(pause_s, 1.0))
            elif pause_s > 0:
                self._ending.pause(pause_s)
            else:
                say("the outcome of job %d could not be reported" % job.job_id)
                self._unreported += 1
                return

    def _exit_code(self) -> int:
        if self._ending.signal:
            say("told to end by signal %d" % self._ending.signal)
            return EXIT_TERMINATED
        if self._broken:
            return EXIT_ENVIRONMENT
        if self._unreported:
            return EXIT_UNREPORTED
        if self._payloads:
            return EXIT_DONE
        return EXIT_EMPTY if self._answered else EXIT_UNREACHABLE


# ----------------------------------------------------------------- the command line


class Parser(argparse.ArgumentParser):
    """Wrong usage is told apart from a payload's or the shell's exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Print and exit."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_ENVIRONMENT, "%s: %s\n" % (self.prog, message))


def seconds(text: str) -> float:
    """Read a number of seconds, not negative."""
    value = float(text)
    if not 0 <= value < 1e9:
        raise ValueError(text)
    return value


def positive(text: str) -> int:
    """Read a whole number above zero."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def server_url(text: str) -> str:
    """Read the URL of a WMS."""
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(text)
    return text


def parser() -> Parser:
    """Return the command line."""
    line = Parser(
        prog="pilot.py",
        description="Asks a WMS for payloads and runs them, until its lifetime or the work is out.",
        epilog=EXIT_CODES + "\nOther options that begin with --wrapper are accepted and have no effect.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = line.add_argument
    add("--version", action="version", version=VERSION)
    add("--wrapperserverurl", metavar="URL", type=server_url, required=True, help="the WMS")
    add("--wrapperwmsqueue", metavar="NAME", required=True, help="queue of the WMS to take jobs from")
    add("--wrapperbatchqueue", metavar="NAME", default="", help="batch queue that this pilot came through")
    add(
        "--lifetime",
        metavar="S",
        type=seconds,
        default=86400.0,
        help="ask for no payload after so many seconds; one that runs is not stopped (default 86400)",
    )
    add(
        "--idle",
        metavar="S",
        type=seconds,
        default=0.0,
        help="go on asking for so long while there is no work (default 0)",
    )
    add(
        "--poll",
        metavar="S",
        type=seconds,
        default=10.0,
        help="seconds between two questions while there is no work (default 10)",
    )
    add(
        "--patience",
        metavar="S",
        type=seconds,
        default=60.0,
        help="go on asking for so long while the WMS does not answer (default 60)",
    )
    add(
        "--heartbeat",
        metavar="S",
        type=seconds,
        default=300.0,
        help="seconds between two reports of a running payload; a quarter of the lease at most (default 300)",
    )
    add(
        "--report-limit",
        metavar="S",
        type=seconds,
        default=1800.0,
        help="go on trying to report an outcome for so long (default 1800)",
    )
    add("--max-payloads", metavar="N", type=positive, default=None, help="run no more than this (no limit)")
    add("--memory-mb", metavar="N", type=positive, default=None, help="take no job that needs more memory")
    add(
        "--cores",
        metavar="N",
        type=positive,
        default=None,
        help="take no job that needs more cores (heeded by a board; PanDA goes by its queue)",
    )
    add("--label", metavar="NAME", default="managed", help="PanDA's prodSourceLabel (default managed)")
    return line


def read_options(arguments: List[str]) -> argparse.Namespace:
    """Read the command line; what wrappers of other makes take is passed over."""
    line = parser()
    options, others = line.parse_known_args(arguments)
    of_wrapper = False
    for word in others:
        if word.startswith("-"):
            if not word.startswith("--wrapper"):
                line.error("unknown option %s" % word)
            of_wrapper = "=" not in word
        elif not of_wrapper:
            line.error("unexpected word %r" % word)
        else:
            # the value of the option before it; a second word would not be
            of_wrapper = False
    if options.poll <= 0 or options.heartbeat <= 0:
        line.error("--poll and --heartbeat must be above 0")
    return options


def main(arguments: List[str]) -> int:
    """Run a pilot and return its exit code."""
    options = read_options(arguments)
    ending = Ending()
    ending.watch()
    try:
        print_facts()
        wms = Wms(options.wrapperserverurl, options.wrapperwmsqueue, options.label, options.wrapperbatchqueue)
    except (UsageError, OSError) as error:
        say("cannot work here: %s" % error)
        return EXIT_ENVIRONMENT
    code = Pilot(options, wms, ending).run()
    banner("end, exit code %d" % code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
