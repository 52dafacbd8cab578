"""The node as its files tell it.  Absent files are no error: they tell nothing."""

import os
from typing import List, NamedTuple, Optional


class Room(NamedTuple):
    """What the control group grants.  None: no limit is known."""

    memory_mb: Optional[int]
    cpus: Optional[float]
    processes: Optional[int]
    """How many more may be started."""


class Node(object):
    """Reads ``/proc``, ``/sys``, ``/dev`` and the like, below another root in tests."""

    def __init__(self, root: str = "/") -> None:
        self._root = root

    def path(self, name: str) -> str:
        """Return where an absolute name is."""
        return os.path.join(self._root, name.lstrip("/"))

    def text(self, name: str) -> str:
        """Return what is in a small file; empty if it cannot be read."""
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as file:
                return file.read(1 << 20)
        except OSError:
            return ""

    def names(self, name: str) -> List[str]:
        """Return what is in a directory, in order; nothing if it cannot be read."""
        try:
            return sorted(os.listdir(self.path(name)))
        except OSError:
            return []

    def value(self, name: str, key: str) -> str:
        """Return what follows ``key`` on the first line that begins with it; empty if there is none."""
        for line in self.text(name).splitlines():
            if line.startswith(key):
                return line[len(key) :].strip(" \t\n:=\"'")
        return ""

    def number(self, name: str) -> Optional[int]:
        """Return the whole number that a file holds; None for anything else, ``max`` for example."""
        try:
            return int(self.text(name))
        except ValueError:
            return None

    def memory_mb(self, key: str) -> Optional[int]:
        """Return a figure of ``/proc/meminfo``, MemTotal for example."""
        words = self.value("/proc/meminfo", key + ":").split()
        return int(words[0]) >> 10 if words and words[0].isdigit() else None

    def usable_cpus(self) -> int:
        """Return how many processors this process may run on."""
        try:
            return len(os.sched_getaffinity(0))
        except (AttributeError, OSError):
            return os.cpu_count() or 1

    def attribute(self, name: str, attribute: str) -> str:
        """Return an extended attribute of a file; empty if there is none."""
        try:
            return os.getxattr(self.path(name), attribute).decode("utf-8", "replace").strip("\0\n ")
        except (AttributeError, OSError):
            return ""

    def cgroup_room(self) -> Room:
        """Return the tightest limits on the way from this process's control group to the top."""
        memory: List[int] = []
        cpus: List[float] = []
        processes: List[int] = []
        for folder in self._cgroups():
            for name in ("memory.max", "memory.limit_in_bytes"):
                limit = self.number(os.path.join(folder, name))
                # version 1 tells "no limit" as a number near 2^63
                if limit is not None and limit < 1 << 60:
                    memory.append(limit >> 20)
            quota, period = self._quota(folder)
            if quota > 0 and period > 0:
                cpus.append(quota / period)
            most = self.number(os.path.join(folder, "pids.max"))
            now = self.number(os.path.join(folder, "pids.current"))
            if most is not None and now is not None:
                processes.append(most - now)
        return Room(
            min(memory) if memory else None,
            min(cpus) if cpus else None,
            min(processes) if processes else None,
        )

    def _quota(self, folder: str) -> List[int]:
        words = self.text(os.path.join(folder, "cpu.max")).split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
            return [int(words[0]), int(words[1])]
        quota = self.number(os.path.join(folder, "cpu.cfs_quota_us"))
        period = self.number(os.path.join(folder, "cpu.cfs_period_us"))
        return [quota or 0, period or 0]

    def _cgroups(self) -> List[str]:
        folders: List[str] = []
        for line in self.text("/proc/self/cgroup").splitlines():
            number, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            mounts = [""] if number == "0" else [controllers, *controllers.split(",")]
            parts = [part for part in path.split("/") if part not in ("", "..")]
            for mount in mounts:
                top = os.path.join("/sys/fs/cgroup", mount)
                folders += [os.path.join(top, *parts[:n]) for n in range(len(parts), -1, -1)]
        return folders
