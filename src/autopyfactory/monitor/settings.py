"""The settings of ``plugin = "apf"``."""

from typing import Annotated

from pydantic import AfterValidator, Field

from autopyfactory.api import Settings


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")) or any(c in url for c in " ?#@"):
        raise ValueError("expected http://HOST:PORT/api or https://HOST:PORT/api")
    return url.rstrip("/")


Seconds = Annotated[float, Field(gt=0)]


class ApfMonitorSettings(Settings):
    """Settings of ``plugin = "apf"``."""

    url: Annotated[str, AfterValidator(_checked)]
    """Where the monitor is, with its ``/api``.  APF 2: monitorURL."""
    pilots: bool = True
    """Whether pilots report to it as well (``APFMON``); if not, it hears of their submission alone."""
    interval_s: Seconds = 10
    """From one round of telling what is new to the next."""
    heartbeat_s: Seconds = 600
    """How often the factory presents itself and its queues, also where nothing is new."""
    timeout_s: Seconds = 30
    """A call that takes longer counts as failed."""
    back_off_max_s: Seconds = 300
    """After failures the pause doubles from ``interval_s`` up to this."""
    pilots_per_call: int = Field(default=500, ge=1, le=10_000)
    """Pilots that are announced in one call."""
    pilots_kept: int = Field(default=50_000, ge=1)
    """Pilots that may wait to be announced while the monitor is away; of more the oldest never are."""

    @property
    def pilots_url(self) -> str:
        """Where pilots report to it; empty: they do not."""
        return self.url if self.pilots else ""
