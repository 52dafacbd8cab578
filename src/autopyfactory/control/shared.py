"""What all parts of one factory have in common."""

from dataclasses import dataclass

from autopyfactory.api import Clock
from autopyfactory.control.customs import Customs
from autopyfactory.control.health import HealthBook
from autopyfactory.control.ledger import Ledger
from autopyfactory.control.listeners import Listeners
from autopyfactory.control.orders import Orders
from autopyfactory.control.ownership import Tenure
from autopyfactory.control.roster import Roster
from autopyfactory.model import PilotIds


@dataclass(frozen=True, slots=True)
class Shared:
    """Handed to every endpoint and queue."""

    customs: Customs
    roster: Roster
    ledger: Ledger
    health: HealthBook
    clock: Clock
    ids: PilotIds
    orders: Orders
    tenure: Tenure
    listeners: Listeners
