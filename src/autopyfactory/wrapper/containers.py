"""Programs that run containers."""

import shutil
from typing import Optional

from autopyfactory.wrapper.tools import ask

RUNTIMES = ("apptainer", "singularity", "podman", "docker", "udocker", "shifter", "charliecloud")
VERSION_S = 10


def version_of(runtime: str) -> Optional[str]:
    """Return what the program says of its version; None where it is absent or does not work."""
    path = shutil.which(runtime)
    if path is None:
        return None
    try:
        said = ask([path, "--version"], VERSION_S)
    except OSError:
        return None
    lines = (said.out.strip() or said.err.strip()).splitlines()
    return lines[0][:120] if said.code == 0 and lines else None
