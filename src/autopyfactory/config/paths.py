"""Makes relative paths absolute, so that it does not matter where the factory is started."""

import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

M = TypeVar("M", bound=BaseModel)

_RELATIVE_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)(.+)")


def anchor(settings: M, base: Path) -> M:
    """Return the settings with every path, and every path in a tuple, taken as relative to ``base``."""
    moved = {name: _anchored(value, base) for name, value in settings if _holds_path(value)}
    return settings.model_copy(update=moved) if moved else settings


def anchor_store(url: SecretStr, base: Path) -> SecretStr:
    """Return the URL of a store with the file of SQLite taken as relative to ``base``."""
    match = _RELATIVE_SQLITE.fullmatch(url.get_secret_value())
    return SecretStr(f"{match[1]}{base / match[2]}") if match else url


def _holds_path(value: Any) -> bool:
    return isinstance(value, Path) or (
        isinstance(value, tuple) and any(isinstance(item, Path) for item in value)
    )


def _anchored(value: Any, base: Path) -> Any:
    if isinstance(value, tuple):
        return tuple(_anchored(item, base) for item in value)
    return base / value if isinstance(value, Path) else value
