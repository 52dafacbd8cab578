"""``cpus[=N]``: processors that the pilot may use (what ``--cores`` says, or 1)."""

from autopyfactory.wrapper.validation.finding import About, Finding, number


def check(argument: str, about: About) -> Finding:
    """Compare those that the scheduler lets this process run on with what was asked for."""
    wanted = number(argument, float(about.cores or 1), "a number of processors")
    usable = about.node.usable_cpus()
    return Finding(usable >= wanted, "%d usable, %.0f wanted" % (usable, wanted))
