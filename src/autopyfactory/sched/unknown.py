"""What rules do where a number is unknown: it is never taken for zero."""

from autopyfactory.model import Decision


def without_pilots(so_far: Decision) -> Decision:
    """Block: the batch system gives no number of pilots."""
    return so_far.block("the batch system gives no number of pilots", comment="no batchinfo")


def without_ready(so_far: Decision) -> Decision:
    """Block: the WMS gives no number of ready jobs."""
    return so_far.block("the WMS gives no number of ready jobs", comment="no wmsinfo")


def default_without_ready(so_far: Decision, default: int) -> Decision:
    """Submit the default that an operator has set for this case; block where there is none."""
    if default == 0:
        return without_ready(so_far)
    why = f"the WMS gives no number of ready jobs; default={default} is set for that case"
    return so_far.then(default, why, comment="no wmsinfo")
