"""The language between a factory and its worker process: pickled values behind their length.

Both ends are our own and of one version, on a socket that nobody else can reach; that is what makes pickle
acceptable here.
"""

import pickle
import struct
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

HEADER = struct.Struct(">Q")


class Request(NamedTuple):
    """Call a method of the worker's schedd."""

    method: str
    arguments: tuple[Any, ...]


class Kind(StrEnum):
    """What a reply is."""

    PART = "part"
    """More replies follow."""
    DONE = "done"
    REFUSED = "refused"
    TOO_LATE = "too late"
    UNREACHABLE = "unreachable"
    SILENT = "silent"


class Reply(NamedTuple):
    """The result, a part of it, or the text of an error."""

    kind: Kind
    payload: Any


class _Reader(Protocol):
    def read(self, n: int, /) -> bytes: ...


def encode(value: Request | Reply) -> bytes:
    """Return a value as one frame."""
    body = pickle.dumps(tuple(value), pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(len(body)) + body


def read_request(stream: _Reader) -> Request | None:
    """Return the next request of a blocking stream; None at its end."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    body = stream.read(length)
    return Request(*pickle.loads(body)) if len(body) == length else None  # noqa: S301


def decode_reply(body: bytes) -> Reply:
    """Return the reply in the body of a frame."""
    kind, payload = pickle.loads(body)  # noqa: S301
    return Reply(kind, payload)
