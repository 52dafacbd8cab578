"""Checks a table against a settings model; everything that is wrong with it becomes a problem."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from autopyfactory.api import did_you_mean
from autopyfactory.config.annotations import description_of, is_secret, keys_of, model_at
from autopyfactory.config.node import Leaf, Node, Place, Step, Table, describe, kind_of, plain, walk
from autopyfactory.config.problems import Problems
from autopyfactory.config.secrets import mask, secrets_in
from autopyfactory.config.wording import expectation, statement, value_hint

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Fault:
    """One of pydantic's errors."""

    steps: tuple[Step, ...]
    place: Place
    text: str = ""
    """What is wrong; empty where ``expected`` and ``found`` say it."""
    expected: str = ""
    found: str = ""
    hint: str = ""
    is_missing: bool = False


def validate(
    model: type[M],
    table: Table,
    problems: Problems,
    *,
    also: Sequence[str] = (),
    partial: bool = False,
) -> M | None:
    """Return the settings that a table holds, or None after adding everything that is wrong with them.

    ``also`` are keys that are read elsewhere, named to those who misspell them.  With ``partial`` nothing
    is required: a profile need not be whole.

    Values have TOML's types: ``"8"`` is no integer.  An integer is a number, a list fills a tuple.
    """
    document = json.dumps(plain(table), default=_as_text)
    try:
        # as JSON, since only there strict mode takes text for a path and a list for a tuple
        return model.model_validate_json(document, strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
    faults = [fault for detail in details if (fault := _fault(model, table, detail, also)) is not None]
    if partial:
        faults = [fault for fault in faults if not fault.is_missing]
    _report(faults, problems)
    return None


def salvage(model: type[M], table: Table) -> M | None:
    """Return the settings made of those entries that are right, or None where required ones are not.

    For checks of what depends on them, so that a wrong entry does not hide what else is wrong.
    """
    right = [key for key in table.entries if not _is_wrong(model, table.only([key]))]
    return validate(model, table.only(right), Problems())


def known_keys(key: str, known: Iterable[str]) -> str:
    """Return the hint for a key that nobody reads."""
    names = sorted(known)
    return did_you_mean(key, names) or f"known here: {', '.join(names) or 'none'}"


def _fault(model: type[BaseModel], table: Table, detail: ErrorDetails, also: Sequence[str]) -> _Fault | None:
    node, steps = walk(table, detail["loc"])
    if isinstance(node, Leaf) and node.missing:
        return None
    if detail["type"] == "missing":
        steps = (*steps, detail["loc"][-1])
        place = node.place.child(steps[-1])
        return _Fault(steps, place, "is missing", hint=description_of(model, steps), is_missing=True)
    if detail["type"] == "extra_forbidden":
        nested = model_at(model, steps[:-1])
        keys = (*(keys_of(nested) if nested else ()), *(also if len(steps) == 1 else ()))
        return _Fault(steps, node.place, "unknown key", hint=known_keys(str(steps[-1]), keys))
    return _wrong_value(model, table, node, steps, detail)


def _wrong_value(
    model: type[BaseModel], table: Table, node: Node, steps: tuple[Step, ...], detail: ErrorDetails
) -> _Fault:
    secrets = secrets_in(model, table)
    hidden = is_secret(model, steps)
    expected = expectation(detail)
    if not expected:
        return _Fault(steps, node.place, mask(statement(detail), secrets))
    found = kind_of(node) if hidden else describe(node)
    hint = "" if hidden else value_hint(node, detail)
    return _Fault(steps, node.place, expected=expected, found=found, hint=mask(hint, secrets))


def _report(faults: Sequence[_Fault], problems: Problems) -> None:
    """Add one problem for each place.

    A union gives a fault for each of its members: what they expect is joined by "or", and a fault further
    down comes from the member that fits best.
    """
    places = {fault.steps for fault in faults}
    for steps in dict.fromkeys(fault.steps for fault in faults):
        if steps and any(len(other) > len(steps) and other[: len(steps)] == steps for other in places):
            continue
        here = [fault for fault in faults if fault.steps == steps]
        expected = dict.fromkeys(fault.expected for fault in here if fault.expected)
        text = f"expected {' or '.join(expected)}, got {here[0].found}" if expected else here[0].text
        problems.add(here[0].place, text, next((fault.hint for fault in here if fault.hint), ""))


def _is_wrong(model: type[BaseModel], table: Table) -> bool:
    problems = Problems()
    validate(model, table, problems, partial=True)
    return bool(problems)


def _as_text(value: date | time) -> str:
    return value.isoformat()
