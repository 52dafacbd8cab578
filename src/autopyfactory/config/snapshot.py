"""An effective configuration to be kept and compared, in which secrets can be told apart but not read."""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, SecretBytes, SecretStr

from autopyfactory.config.node import Place
from autopyfactory.config.secrets import mask
from autopyfactory.config.show import as_json, show, tree
from autopyfactory.config.tree import Config

ROOT = Place("")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What `show` gives, and a mark for every string in it that is masked.

    Marks are digests with a key.  Those made with the same key are equal where the strings are; whoever has
    the key could try out guesses, so it is kept as the configuration itself is.
    """

    shown: Mapping[str, Any]
    marks: Mapping[str, str]
    """By key, as ``wms.panda.token``."""
    key: str

    @classmethod
    def of(cls, config: Config, key: str) -> Self:
        """Return the snapshot of a configuration, its marks made with this key."""
        shown, real = tree(config, as_json), tree(config, _as_python)
        masked = _masked(shown, real, config.referenced, ROOT)
        marks = {place: hmac.digest(key.encode(), text, "sha256").hex() for place, text in masked}
        return cls(show(config), marks, key)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return what `document` gave; raises `KeyError` for anything else."""
        return cls(document["shown"], document["marks"], document["key"])

    def document(self) -> dict[str, Any]:
        """Return values that JSON can hold."""
        return {"shown": self.shown, "marks": self.marks, "key": self.key}


def _as_python(model: BaseModel) -> dict[str, Any]:
    return model.model_dump()


def _masked(shown: Any, real: Any, secrets: frozenset[str], place: Place) -> Iterator[tuple[str, bytes]]:
    """Give key and bytes of every string that is not shown as it is."""
    match shown:
        case str():
            text = _revealed(shown, real)
            if mask(shown, secrets).encode() != text:
                yield place.key, text
        case list():
            items = real if isinstance(real, Sequence) and len(real) == len(shown) else shown
            for i, (item, known) in enumerate(zip(shown, items, strict=True)):
                yield from _masked(item, known, secrets, place.child(i))
        case dict():
            entries = real if isinstance(real, Mapping) else shown
            for name, item in shown.items():
                yield from _masked(item, entries.get(name, item), secrets, place.child(name))


def _revealed(shown: str, real: Any) -> bytes:
    match real:
        case SecretStr():
            return real.get_secret_value().encode()
        case SecretBytes():
            return real.get_secret_value()
        case _:
            return shown.encode()
