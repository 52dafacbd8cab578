"""``cgroup``: the control group grants the memory and processors that were asked for, and new processes."""

from autopyfactory.wrapper.validation.finding import About, Finding, WrongArgument, summed

PROCESSES = 50
"""A payload that may start fewer will not get far."""


def check(argument: str, about: About) -> Finding:
    """Compare the limits with ``--memory-mb`` and ``--cores``."""
    if argument:
        raise WrongArgument("takes no argument, got %r" % argument)
    room = about.node.cgroup_room()
    problems = []
    if about.memory_mb and room.memory_mb is not None and room.memory_mb < about.memory_mb:
        problems.append("memory limit %d MB, %d wanted" % (room.memory_mb, about.memory_mb))
    if about.cores and room.cpus is not None and room.cpus < 0.95 * about.cores:
        problems.append("limit of %.2f processors, %d wanted" % (room.cpus, about.cores))
    if room.processes is not None and room.processes < PROCESSES:
        problems.append("only %d more processes may be started" % room.processes)
    limits = room._asdict().items()
    shown = ["%s: %s" % (name, "no limit" if value is None else value) for name, value in limits]
    return summed(problems, ", ".join(shown))
