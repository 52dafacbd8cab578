"""Logging of a running factory: text for people, JSON lines for machines."""

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogLevel(StrEnum):
    """Levels that an operator may choose."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


def set_up_logging(level: LogLevel, form: LogFormat, file: Path | None = None) -> None:
    """Send the package's log to stderr, or to a file.  Other packages are heard from ``warning`` on."""
    handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("autopyfactory").setLevel(level.upper())


class TextLines(logging.Formatter):
    """``2026-01-31T12:00:00.000Z INFO control.cycle: submitted 4 pilots  queue=BNL action=submit``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback where there is one."""
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        where = record.name.removeprefix("autopyfactory.")
        line = f"{_time(record)} {record.levelname} {where}: {record.getMessage()}"
        return "\n".join(text for text in (f"{line}  {fields}".rstrip(), _traceback(self, record)) if text)


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, then the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        document = {
            "at": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if traceback := _traceback(self, record):
            document["traceback"] = traceback
        return json.dumps(document, ensure_ascii=False, default=str)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""
