"""The number of pilots that a rule is to keep."""

from autopyfactory.model import Decision


def target(setting: int | None, so_far: Decision) -> int | None:
    """Return the setting, else the number so far; None where no earlier rule gave one.

    Without that last case a chain that begins with such a rule, its setting forgotten, would keep zero
    pilots: it would retire all of them.
    """
    if setting is not None:
        return setting
    return max(0, so_far.number) if so_far.reasons else None
