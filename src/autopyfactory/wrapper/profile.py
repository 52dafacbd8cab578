"""The node profile: what somebody wants to know who compares nodes, or looks for a bad one."""

import os
import platform
import shutil
import socket
import sys
from typing import Any, Dict, List, Tuple

from autopyfactory.wrapper.benchmark import db12
from autopyfactory.wrapper.containers import RUNTIMES, version_of
from autopyfactory.wrapper.gpus import found_gpus
from autopyfactory.wrapper.node import Node
from autopyfactory.wrapper.talk import banner, say

IDENTITY = ("APF_PILOT", "APFFID", "APFCID", "FACTORYQUEUE", "FACTORY_JOBID", "GTAG", "PANDA_JSID", "APFMON")
"""Variables by which the factory tells a pilot who it is; none is secret."""


def host_name() -> str:
    """Return the full name of this host; never that of the loopback interface."""
    name = socket.getfqdn()
    return socket.gethostname() if name.startswith("localhost") else name


def profile_of(node: Node, benchmark_s: float) -> Dict[str, Any]:
    """Return the profile, with JSON's types; a benchmark of 0 seconds is left out."""
    cgroup = node.cgroup_room()
    disk = shutil.disk_usage(os.getcwd())
    profile: Dict[str, Any] = {
        "host": host_name(),
        "os": node.value("/etc/os-release", "PRETTY_NAME") or platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cpu": _cpu(node),
        "memory_mb": {
            "total": node.memory_mb("MemTotal"),
            "available": node.memory_mb("MemAvailable"),
            "swap": node.memory_mb("SwapTotal"),
        },
        "cgroup": dict(cgroup._asdict()),
        "disk_mb": {"directory": os.getcwd(), "total": disk.total >> 20, "free": disk.free >> 20},
        "network": _network(node),
        "containers": {name: version for name, version in _runtimes() if version is not None},
        "gpus": found_gpus(node),
    }
    if benchmark_s > 0:
        profile["benchmark"] = {"db12": db12(benchmark_s), "seconds": benchmark_s}
    return profile


def _cpu(node: Node) -> Dict[str, Any]:
    lines = node.text("/proc/cpuinfo").splitlines()
    sockets = {line.partition(":")[2].strip() for line in lines if line.startswith("physical id")}
    flags = node.value("/proc/cpuinfo", "flags") or node.value("/proc/cpuinfo", "Features")
    return {
        "model": node.value("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "usable": node.usable_cpus(),
        "sockets": len(sockets) or None,
        "flags": flags.split(),
        "load": [float(word) for word in node.text("/proc/loadavg").split()[:3]],
    }


def _network(node: Node) -> List[Dict[str, Any]]:
    return [
        {
            "name": name,
            "state": node.text("/sys/class/net/%s/operstate" % name).strip() or "unknown",
            "mtu": node.number("/sys/class/net/%s/mtu" % name),
            "speed_mbit": _positive(node.number("/sys/class/net/%s/speed" % name)),
        }
        for name in node.names("/sys/class/net")
        if name != "lo"
    ]


def _positive(number: Any) -> Any:
    # drivers tell -1 where they do not know
    return number if number is not None and number > 0 else None


def _runtimes() -> List[Tuple[str, Any]]:
    return [(name, version_of(name)) for name in RUNTIMES]


def print_facts(node: Node, version: str) -> None:
    """Print the pilot's identity, and what is quickly known of its host."""
    banner("pilot %s" % version)
    for name in IDENTITY:
        if name in os.environ:
            say("%s: %s" % (name, os.environ[name]))
    banner("host")
    for name, fact in _facts(node):
        say("%s: %s" % (name, fact))


def _facts(node: Node) -> List[Tuple[str, str]]:
    disk = shutil.disk_usage(os.getcwd())
    return [
        ("host", host_name()),
        ("system", node.value("/etc/os-release", "PRETTY_NAME") or platform.system()),
        ("kernel", platform.release()),
        ("python", "%s at %s" % (platform.python_version(), sys.executable)),
        ("cpu", node.value("/proc/cpuinfo", "model name") or platform.machine()),
        ("cores", "%s, %d usable" % (os.cpu_count(), node.usable_cpus())),
        ("memory", node.value("/proc/meminfo", "MemTotal") or "unknown"),
        ("memory available", node.value("/proc/meminfo", "MemAvailable") or "unknown"),
        ("load", node.text("/proc/loadavg").strip() or "unknown"),
        ("user", "uid %d gid %d" % (os.getuid(), os.getgid())),
        ("directory", "%s, %d MB free of %d MB" % (os.getcwd(), disk.free >> 20, disk.total >> 20)),
    ]
