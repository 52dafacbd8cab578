"""What the web works on; built by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass, field

from autopyfactory.api import Clock, WebStore
from autopyfactory.config import Config
from autopyfactory.web.timings import Timings


@dataclass(frozen=True, slots=True)
class WebContext:
    """Everything that a request may touch.

    The factory itself is not among it: it may run in another process.  What operators ask for goes through
    the store, and the factory heeds it within seconds.
    """

    config_in_force: Callable[[], Config]
    """A factory that serves it may go over to another configuration; ``[web]`` never changes meanwhile."""
    reading: WebStore
    """Opened for reading only, with a thread of its own: pages never wait behind reports."""
    writing: WebStore
    clock: Clock
    report_key: bytes
    """What pilot tokens are signed with."""
    timings: Timings = field(default_factory=Timings)
    """How this process fares; a factory in it tells as well."""

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.config_in_force()
