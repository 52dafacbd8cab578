"""Keeps secrets out of everything that is shown."""

from collections.abc import Collection
from typing import Any

from autopyfactory.config.annotations import is_secret
from autopyfactory.config.node import Table, leaves

MASK = "**********"
_SHORTEST_IN_TEXT = 4


def mask(text: str, secrets: Collection[str]) -> str:
    """Return the text with secrets masked; very short ones only where they are the whole text.

    A secret of two characters would be found everywhere by chance, and masking it there would tell it.
    """
    if text in secrets and text:
        return MASK
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_IN_TEXT:
            text = text.replace(secret, MASK)
    return text


def secrets_in(model: type[Any], table: Table) -> frozenset[str]:
    """Return the strings of a table that must not be shown: its secret settings and what it refers to."""
    return frozenset(
        leaf.value
        for steps, leaf in leaves(table)
        if isinstance(leaf.value, str) and (leaf.referenced or is_secret(model, steps))
    )
