"""Looks into a settings model's annotations, to tell what a key may hold before anything is validated."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

from autopyfactory.config.node import Step


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the keys that a settings model takes, by the names that a file uses."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def below(annotation: Any, step: Step) -> Any | None:
    """Return the annotation of an entry or item; None where nothing is declared for it."""
    for member in _members(annotation):
        found = _entry(member, step) if isinstance(step, str) else _item(member)
        if found is not None:
            return found
    return None


def along(annotation: Any, steps: Sequence[Step]) -> Any | None:
    """Return the annotation at the end of these steps; None where nothing is declared."""
    for step in steps:
        annotation = below(annotation, step)
        if annotation is None:
            return None
    return annotation


def takes_table(annotation: Any) -> bool:
    """Tell whether a table is a value of its own there, rather than a reference to a string."""
    return any(
        member is Any or member is object or _is_model(member) or _is_mapping(member)
        for member in _members(annotation)
    )


def is_secret(annotation: Any, steps: Sequence[Step]) -> bool:
    """Tell whether what is found along these steps is, or is part of, a secret."""
    for step in steps:
        annotation = below(annotation, step)
        if annotation is None:
            return False
        if any(
            isinstance(member, type) and issubclass(member, SecretStr | SecretBytes)
            for member in _members(annotation)
        ):
            return True
    return False


def model_at(annotation: Any, steps: Sequence[Step]) -> type[BaseModel] | None:
    """Return the settings model of the table found along these steps."""
    found = along(annotation, steps)
    return next((member for member in _members(found) if _is_model(member)), None)


def description_of(model: type[BaseModel], steps: Sequence[Step]) -> str:
    """Return the first sentence on a setting, as its model documents it."""
    nested = model_at(model, steps[:-1])
    for name, field in (nested.model_fields if nested else {}).items():
        if steps[-1] == (field.alias or name) and field.description:
            return field.description.split(". ")[0].rstrip(".").replace("``", "")
    return ""


def _members(annotation: Any) -> Iterator[Any]:
    """Give the types that a value may have, with unions and ``Annotated`` taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin is Union or origin is types.UnionType:
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _entry(member: Any, key: str) -> Any | None:
    if _is_model(member):
        for name, field in member.model_fields.items():
            if key == (field.alias or name):
                return field.annotation
        return None
    return get_args(member)[1] if _is_mapping(member) and len(get_args(member)) == 2 else None


def _item(member: Any) -> Any | None:
    origin = get_origin(member)
    is_list = isinstance(origin, type) and issubclass(origin, Sequence | frozenset | set)
    return get_args(member)[0] if is_list and get_args(member) else None


def _is_model(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, BaseModel)


def _is_mapping(member: Any) -> bool:
    origin = get_origin(member) or member
    return isinstance(origin, type) and issubclass(origin, Mapping)
