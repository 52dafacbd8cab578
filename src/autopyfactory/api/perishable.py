"""The contract of a plugin that knows when its credentials end; one that a plugin need not keep."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable


@runtime_checkable
class Perishable(Protocol):
    """What a WMS or batch plugin may be beside its own contract."""

    async def credential_ends(self) -> Mapping[str, datetime]:
        """Return the end of each credential that is at hand now, by its name: an aware time.

        The name tells an operator what to renew, the path of a file for example; two plugins that share a
        credential call it the same.  Not in it: what never ends, and what cannot be told.

        It is asked at every look at what is wrong, a minute apart by default, whether or not the plugin has
        connected, and has seconds to answer: what it told last holds where it fails.
        """
        ...
