"""Stand-ins for HTCondor's bindings, for worker processes without a pool.

What the fake schedd does is written in the requests: a constraint ``sleep 5`` sleeps, ``exit`` ends the
worker, ``fail TEXT`` fails, ``jobs N`` lists N jobs; a submit description with ``fail`` fails with that text.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from autopyfactory.schedd.client import ScheddClient

_CLASSAD2 = "class ClassAdException(Exception): pass\n"
_HTCONDOR2 = """
import enum, os, time, warnings

class HTCondorException(Exception): pass
class DaemonType(enum.Enum): Schedd = 1
class JobAction(enum.Enum):
    Remove = 1
    Release = 2
class Submit(dict): pass
param = {"COLLECTOR_HOST": "pool.example.org"}
located = 0

class Collector:
    def __init__(self, where="default"):
        self.where = where
    def locate(self, kind, name="local"):
        global located
        if self.where == "down":
            raise HTCondorException("Failed communication with collector.")
        located += 1
        return None if name == "nobody" else {"name": name, "address": located}

class Result:
    def __init__(self, n): self.n = n
    def cluster(self): return 12
    def first_proc(self): return 0
    def num_procs(self): return self.n

class Schedd:
    def __init__(self, ad):
        self.ad = ad
    def query(self, constraint, projection):
        print("the bindings may print", flush=True)
        word, _, rest = constraint.partition(" ")
        if word == "sleep":
            time.sleep(float(rest))
        elif word == "exit":
            os._exit(3)
        elif word == "fail":
            raise HTCondorException(rest)
        elif word == "moved" and self.ad["address"] == 1:
            raise HTCondorException("Failed to fetch ads from schedd, errmsg=SECMAN:2007:gone")
        elif word == "pid":
            return [{projection[0]: os.getpid()}]
        elif word == "jobs":
            return [{"APF_PILOT": f"P{n}", "JobStatus": 1 + n % 2, "EnteredCurrentStatus": 5,
                     "Site": f"S{n % 2}", "Expression": object()} for n in range(int(rest))]
        return []
    def history(self, constraint, projection, match, since):
        return [{"APF_PILOT": name, "ExitCode": 0} for name in ("P1", "P2", "P3")][:match]
    def act(self, action, jobs, reason):
        assert isinstance(reason, tuple)
        denied = len(jobs) if "9.9" in jobs else 0
        return {"TotalPermissionDenied": denied, "TotalError": 0}
    def submit(self, submit, itemdata):
        warnings.warn("Submit succeeded with warning: a remark")
        text = submit.get("fail")
        if text == "connect once" and self.ad["address"] == 1 or text == "connect":
            raise HTCondorException("Failed to connect to schedd.")
        if text not in (None, "connect once"):
            raise HTCondorException(text)
        return Result(len(list(itemdata)))
"""


class Fakes:
    """Makes clients whose worker processes load the stand-ins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "classad2.py").write_text(_CLASSAD2)
        (folder / "htcondor2.py").write_text(_HTCONDOR2)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a worker process needs to load them."""
        return {"PYTHONPATH": os.pathsep.join([str(self._folder), os.environ.get("PYTHONPATH", "")])}

    def client(self, schedd: str = "s1", collector: str = "", timeout_s: float = 20) -> ScheddClient:
        """Return a client; the test closes it."""
        return ScheddClient(schedd, collector, environment=self.environment, timeout_s=timeout_s)

    def uninstall(self) -> None:
        """Have the import of the bindings fail."""
        (self._folder / "htcondor2.py").write_text("raise ImportError('no module named htcondor2')\n")


@pytest.fixture
def fakes(tmp_path: Path) -> Fakes:
    """The stand-ins."""
    return Fakes(tmp_path)
