"""Finds the pilot that an operator means."""

import re

from autopyfactory.api import Store
from autopyfactory.cli.common.failure import Failure, UsageProblem
from autopyfactory.model import TAG_PATTERN, Pilot, PilotId


def pilot_id(text: str) -> PilotId:
    """Return the id that was typed, in either case; raises `UsageProblem` for what cannot be one."""
    pilot = text.strip().upper()
    if not re.fullmatch(TAG_PATTERN, pilot):
        raise UsageProblem(f'"{text}" is no pilot id: those have 26 characters; "apf pilots" lists them')
    return PilotId(pilot)


async def known_pilot(store: Store, pilot: PilotId) -> Pilot:
    """Return a pilot of the store; raises `Failure` where the store does not know it."""
    found = (await store.find([pilot])).get(pilot)
    if found is None:
        raise Failure(
            f"the store does not know pilot {pilot}: it belongs to another factory, or was pruned "
            "after [factory] keep_pilots_days"
        )
    return found
