"""What a running factory leaves beside its lock, for other processes: its configuration, its last reload."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from autopyfactory.config import Config, Snapshot


@dataclass(frozen=True, slots=True)
class Reload:
    """What came of going over to the configuration on disk."""

    pid: int
    started_at: datetime
    """No file was read before that."""
    ended_at: datetime
    cause: str
    """What asked for it."""
    changes: tuple[str, ...] = ()
    """One line for each thing that differs."""
    problems: tuple[str, ...] = ()
    """Why nothing was changed; empty where the factory uses that configuration now."""

    @property
    def ok(self) -> bool:
        """Whether the factory uses the configuration that it read."""
        return not self.problems

    def document(self) -> dict[str, Any]:
        """Return values that JSON can hold."""
        times = {"started_at": self.started_at.isoformat(), "ended_at": self.ended_at.isoformat()}
        return {**asdict(self), **times, "ok": self.ok}


class Beside:
    """The files beside a lock; a process that may not read them, or finds none, is told of nothing."""

    def __init__(self, lock: Path) -> None:
        self._effective = lock.with_suffix(".effective.json")
        self._reload = lock.with_suffix(".reload.json")

    def keep_effective(self, config: Config, pid: int) -> None:
        """Keep the configuration that this process uses, secrets as marks; raises `OSError`."""
        snapshot = Snapshot.of(config, secrets.token_hex())
        _replace(self._effective, {"pid": pid, **snapshot.document()}, 0o600)

    def effective(self, pid: int | None) -> Snapshot | None:
        """Return the configuration that this process uses, if it is a factory that runs on."""
        document = _read(self._effective)
        return Snapshot.read(document) if document and document["pid"] == pid else None

    def keep_reload(self, reload: Reload) -> None:
        """Keep what came of the last reload; raises `OSError`."""
        _replace(self._reload, reload.document(), 0o644)

    def last_reload(self, pid: int | None) -> Reload | None:
        """Return what came of the last reload of this process, if there was one."""
        document = _read(self._reload)
        if document is None or document["pid"] != pid:
            return None
        return Reload(
            pid=document["pid"],
            started_at=datetime.fromisoformat(document["started_at"]),
            ended_at=datetime.fromisoformat(document["ended_at"]),
            cause=document["cause"],
            changes=tuple(document["changes"]),
            problems=tuple(document["problems"]),
        )

    def clear(self) -> None:
        """Remove what an earlier process left; raises `OSError`."""
        self._effective.unlink(missing_ok=True)
        self._reload.unlink(missing_ok=True)


def _replace(file: Path, document: Mapping[str, Any], mode: int) -> None:
    """Write a file so that readers find the old one or the new one, never a part."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
        json.dump(document, stream, ensure_ascii=False)
    new.replace(file)


def _read(file: Path) -> Mapping[str, Any] | None:
    try:
        document: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document
