"""The processes of a payload, by /proc: its group, and whatever else descends from the pilot."""

import os
import signal
from typing import Dict, List, NamedTuple, Set

from autopyfactory.wrapper.node import Node

PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """One process."""

    pid: int
    parent: int
    group: int
    resident_bytes: int


def listed(node: Node) -> List[Process]:
    """Return all processes that can be seen."""
    found = []
    for name in node.names("/proc"):
        if name.isdigit():
            # the command, in parentheses, may hold anything
            fields = node.text("/proc/%s/stat" % name).rpartition(")")[2].split()
            if len(fields) > 21:
                found.append(Process(int(name), int(fields[1]), int(fields[2]), int(fields[21]) * PAGE))
    return found


def of_payload(processes: List[Process], pilot: int, group: int) -> List[Process]:
    """Return those in the payload's group, and those that descend from them or from the pilot."""
    children: Dict[int, List[int]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process.pid)
    found: Set[int] = set()
    waiting = [process.pid for process in processes if process.group == group]
    waiting += children.get(pilot, [])
    while waiting:
        pid = waiting.pop()
        if pid not in found and pid != pilot:
            found.add(pid)
            waiting += children.get(pid, [])
    return [process for process in processes if process.pid in found]


def memory_mb(node: Node, processes: List[Process], limit_mb: float) -> float:
    """Return what they hold together.

    Resident memory counts what is shared once for each; only where the sum is over the limit is the kernel
    asked for each one's fair share, which costs it more.
    """
    resident_mb = sum(process.resident_bytes for process in processes) / (1 << 20)
    if resident_mb <= limit_mb:
        return resident_mb
    return sum(_share_bytes(node, process) for process in processes) / (1 << 20)


def _share_bytes(node: Node, process: Process) -> int:
    words = node.value("/proc/%d/smaps_rollup" % process.pid, "Pss:").split()
    return int(words[0]) << 10 if words and words[0].isdigit() else process.resident_bytes


def kill_all(node: Node, pilot: int, group: int) -> None:
    """Kill what is left of a payload, in other groups and sessions too."""
    for _ in range(5):
        # again, since they may start others meanwhile
        left = [process for process in of_payload(listed(node), pilot, group) if process.pid != pilot]
        if not left:
            return
        for process in left:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        reap()


def reap() -> None:
    """Let go of children that ended, adopted ones among them."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
