"""Who a running factory is among several on one store."""

import os
import socket
from typing import TYPE_CHECKING
from uuid import uuid4

from autopyfactory.api import LeaseStore
from autopyfactory.config import Config

if TYPE_CHECKING:
    from autopyfactory.control.ownership import Ownership


def tenant(config: Config, store: LeaseStore) -> "Ownership | None":
    """Return what keeps this process's leases; None where the factory has its store for itself."""
    # here, since it costs time that "apf --help" need not wait for
    from autopyfactory.control.ownership import Ownership

    if not config.factory.shared:
        return None
    # readable for operators, and never used twice: a restarted factory is another owner
    owner = f"{config.factory_id}@{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:12]}"
    return Ownership(store, owner, config.factory.lease_s)
