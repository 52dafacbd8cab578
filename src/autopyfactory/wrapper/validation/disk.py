"""``disk[=MB]``: room in the working directory (what ``--disk-mb`` says, or 1000 MB)."""

import shutil

from autopyfactory.wrapper.validation.finding import About, Finding, number


def check(argument: str, about: About) -> Finding:
    """Compare the free room with what is wanted."""
    wanted_mb = number(argument, float(about.disk_mb or 1000), "MB")
    free_mb = shutil.disk_usage(about.directory).free >> 20
    return Finding(free_mb >= wanted_mb, "%d MB free, %.0f wanted" % (free_mb, wanted_mb))
