"""``memory[=MB]``: memory that is available on the node (what ``--memory-mb`` says, or 500 MB)."""

from autopyfactory.wrapper.validation.finding import About, Finding, failed, number


def check(argument: str, about: About) -> Finding:
    """Compare the kernel's estimate with what is wanted."""
    wanted_mb = number(argument, float(about.memory_mb or 500), "MB")
    available_mb = about.node.memory_mb("MemAvailable")
    if available_mb is None:
        return failed("/proc/meminfo does not tell MemAvailable")
    return Finding(available_mb >= wanted_mb, "%d MB available, %.0f wanted" % (available_mb, wanted_mb))
