"""Two factories with one configuration on one PostgreSQL, each a process in a folder of its own."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from factory_process import FactoryHome
from pilot_audit import audit, settle
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

LEASE_S = 10.0


class Twin(FactoryHome):
    """One of two factories: its own machine, but for the folder with the pilots."""

    def __init__(self, folder: Path, store: str) -> None:
        super().__init__(folder)
        folder.mkdir()
        self.store = store

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the server."""
        url = make_url(self.store).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def owns(self) -> int:
        """Count the queues whose lease this factory's process holds."""
        owners = [row[0] for row in self.rows("SELECT owner FROM leases")]
        return sum(f"/{self.pid}/" in owner for owner in owners)

    def await_plan(self, within_s: float) -> None:
        """Return as soon as the store holds a pilot that it does not hold now."""
        newest = "SELECT max(id) FROM pilots"
        known = self.rows(newest)
        self.wait(lambda: self.rows(newest) != known, "a plan", within_s)

    def live(self) -> int:
        """Count the live pilots in the store."""
        return int(self.rows("SELECT count(*) FROM pilots WHERE ended_at IS NULL")[0][0])


class Twins:
    """Two factories with one configuration, and a local batch system ``here`` that both of them use.

    Its pilots write their names into the file ``ran``.
    """

    def __init__(self, folder: Path, store: str, config: str, **filled: object) -> None:
        """``config`` has a place for each of ``filled``, and for those of `configure`."""
        self.folder = folder
        self.store = store
        self._config = config
        self._filled = filled
        (folder / "pilots").mkdir()
        (folder / "ran").touch()
        self.first, self.second = Twin(folder / "first", store), Twin(folder / "second", store)
        for twin in (self.first, self.second):
            (twin.folder / "state").mkdir()
            (twin.folder / "state" / "here").symlink_to(folder / "pilots")
        self.configure(enabled=True)

    def configure(self, *, enabled: bool, store: str = "", shared: bool = True) -> None:
        for twin in (self.first, self.second):
            twin.config.write_text(
                self._config.format(
                    store=store or self.store,
                    shared=str(shared).lower(),
                    lease_s=LEASE_S,
                    shared_folder=self.folder,
                    enabled=str(enabled).lower(),
                    **self._filled,
                )
            )

    @contextmanager
    def running(self, queues: int = 2) -> Iterator[None]:
        """Run both; the first owns all queues."""
        with self.first.running():
            self.first.wait(lambda: self.first.owns() == queues, "the first to own all queues", 3 * LEASE_S)
            with self.second.running():
                yield

    def submissions(self) -> set[str]:
        """Return the names of what was submitted locally and has not come to its end."""
        return {path.name for path in (self.folder / "pilots" / "submissions").iterdir()}

    def ran(self) -> Counter[str]:
        """Count the runs of each local pilot."""
        return Counter((self.folder / "ran").read_text().split())

    def come_to_rest(self) -> None:
        """Let all pilots come to their end, without further ones."""
        self.configure(enabled=False)
        settle(self.second)
        deadline = time.monotonic() + 60
        while self.second.live() and time.monotonic() < deadline:
            settle(self.second)

    def audit(self) -> int:
        """Let all come to its end, and hold the store against the pilots that ran."""
        self.come_to_rest()
        return audit(self.second, self.ran())
