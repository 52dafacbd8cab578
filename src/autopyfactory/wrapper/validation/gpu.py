"""``gpu[=N]``: so many graphics processors are there (1)."""

from autopyfactory.wrapper.gpus import found_gpus
from autopyfactory.wrapper.validation.finding import About, Finding, number


def check(argument: str, about: About) -> Finding:
    """Count what the kernel shows."""
    wanted = number(argument, 1.0, "a number of GPUs")
    found = found_gpus(about.node)
    models = ", ".join("%s %s" % (gpu["vendor"], gpu["model"]) for gpu in found)
    return Finding(
        len(found) >= wanted, "%d found (%s), %.0f wanted" % (len(found), models or "none", wanted)
    )
