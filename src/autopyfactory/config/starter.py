"""The configuration that ``apf init`` writes."""

import importlib.resources


def starter() -> str:
    """Return a commented configuration that is valid as it is: board, local batch system, one queue."""
    return (importlib.resources.files(__package__) / "starter.toml").read_text(encoding="utf-8")
