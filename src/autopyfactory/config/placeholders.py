"""Fills ``{queue}``, ``{wms.url}`` and the like into the texts of a pilot's description."""

import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from pydantic import SecretBytes, SecretStr

from autopyfactory.api import did_you_mean
from autopyfactory.config.tree import Endpoint, FactorySettings, PilotSettings
from autopyfactory.model import QueueName, WmsQueue

Complaint = Callable[[str, str], None]
"""Takes a problem and a hint."""

_OF_THE_PILOT = ("cores", "memory_mb", "disk_mb", "gpus", "walltime_s")
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class Placeholders:
    """What may be filled in for one queue.

    Without a WMS (it is unknown, or its section is wrong, which has been reported) everything that begins
    with ``wms.`` is let through.
    """

    def __init__(
        self,
        queue: QueueName,
        wms_queue: WmsQueue,
        factory: FactorySettings,
        wms: Endpoint | None,
        pilot: PilotSettings,
    ) -> None:
        self._values: dict[str, str] = {
            "queue": queue,
            "wms_queue": wms_queue,
            "factory": factory.id,
            "log_url": factory.log_url,
        }
        self._unusable: dict[str, str] = {}
        self._any_wms_key = wms is None
        for name in _OF_THE_PILOT:
            self._offer(name, getattr(pilot, name))
        for name, value in wms.settings if wms else ():
            self._offer(f"wms.{name}", value)

    def has(self, name: str) -> bool:
        """Tell whether there is a value to fill in for this name."""
        return name in self._values

    def fill(self, text: str, complain: Complaint) -> str:
        """Return the text with everything filled in; ``{{`` and ``}}`` are braces."""

        def replacement(match: re.Match[str]) -> str:
            token = match[0]
            if token in {"{{", "}}"}:
                return token[0]
            if token in {"{", "}"}:
                complain(f'a single "{token}"', f'write "{token}{token}" for a brace')
                return token
            return self._value(match[1], complain)

        return _TOKEN.sub(replacement, text)

    def _value(self, name: str, complain: Complaint) -> str:
        if name in self._values:
            return self._values[name]
        if name.startswith("wms.") and self._any_wms_key:
            return ""
        if name in self._unusable:
            complain(f"{{{name}}} cannot be filled in: {self._unusable[name]}", "")
        else:
            known = sorted(self._values)
            hint = did_you_mean(name, known) or f"known here: {', '.join(known)}; write {{{{ for a brace"
            complain(f"unknown placeholder {{{name}}}", hint)
        return ""

    def _offer(self, name: str, value: object) -> None:
        if isinstance(value, SecretStr | SecretBytes):
            self._unusable[name] = "it is a secret, which others could read"
        elif value is None:
            self._unusable[name] = "it is not set"
        elif isinstance(value, bool):
            self._values[name] = str(value).lower()
        elif isinstance(value, Enum):
            self._offer(name, value.value)
        elif isinstance(value, str | int | float | Path) or _is_url(value):
            self._values[name] = str(value)
        else:
            self._unusable[name] = "it is not a single value"


def _is_url(value: object) -> bool:
    """Tell whether it is one of pydantic's URL types, which have no common base that is public."""
    return hasattr(value, "scheme") and hasattr(value, "host")
