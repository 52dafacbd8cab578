"""What every source of payloads can do."""

from typing import Optional

from autopyfactory.wrapper.payload import Command, Outcome


class Work(object):
    """One payload that was handed out."""

    name = ""
    """What it is called in logs and reports."""
    attempt: Optional[int] = None
    beat_s: Optional[float] = None
    """Seconds between two heartbeats; None: it needs none."""
    echo = False
    """Whether its output shall show in the pilot's while it runs; else the end of it shows afterwards."""

    def prepare(self, directory: str) -> Command:
        """Put its files into its directory, return what to start; raises `BadPayload`, `OSError`."""
        raise NotImplementedError

    def beat(self) -> bool:
        """Tell that it runs; False if it is not wanted any more.  Raises `Unanswered`."""
        return True

    def report(self, outcome: Outcome) -> None:
        """Tell what became of it; raises `Unanswered`."""


class Source(object):
    """Hands out payloads."""

    own_exit_code = False
    """Whether a payload's exit code is the pilot's: nobody else hears of it."""

    def next(self) -> Optional[Work]:
        """Return a payload, None if there is none (now).

        Raises `Unanswered`, and `BadPayload` for one that cannot even be reported on.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Remove what it keeps; nobody asks it for work after that."""
