"""What telling operators needs of the store beside `Store`."""

from datetime import datetime
from typing import Protocol

from autopyfactory.model import HostTally, NoticeLook


class NoticeStore(Protocol):
    """What is wrong, and who was told of it.  Errors and transactions as in `Store`."""

    async def notice_look(self) -> NoticeLook:
        """Return the look that was kept last; an empty one where there was none."""
        ...

    async def keep_look(self, look: NoticeLook) -> bool:
        """Keep a look, over the one before with all of its channels.

        False, and nothing is kept, unless its number is the next one: somebody else has looked meanwhile.
        """
        ...

    async def host_tallies(self, since: datetime, fast_s: float) -> list[HostTally]:
        """Count the pilots that ended since a time by host, where any failed within ``fast_s``.

        A pilot that never started, or of which nobody knows for how long it ran, says nothing of its host.
        """
        ...
