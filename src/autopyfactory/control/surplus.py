"""When pilots that are too many may be removed: only if several fresh cycles in a row agree."""

from datetime import datetime


class Surplus:
    """Counts cycles that agree; one that does not, or that knows nothing, begins the count anew."""

    def __init__(self, after_cycles: int) -> None:
        self._after_cycles = after_cycles
        self._wanted: list[int] = []
        self._evidence: tuple[datetime, datetime] | None = None

    def agreed(self, wanted: int, wms_at: datetime | None, watched_at: datetime | None) -> int:
        """Take in one cycle, and return how many pilots may be removed now.

        ``wanted``: how many this cycle would remove.  ``wms_at`` and ``watched_at``: when the answers that
        it is based on were asked for; None where there is none.  A cycle on old answers does not count.
        """
        if wanted <= 0 or wms_at is None or watched_at is None:
            self._wanted = []
            return 0
        if self._evidence is not None and not (wms_at > self._evidence[0] and watched_at > self._evidence[1]):
            return 0
        self._evidence = (wms_at, watched_at)
        self._wanted = [*self._wanted, wanted][-self._after_cycles :]
        return min(self._wanted) if len(self._wanted) == self._after_cycles else 0
