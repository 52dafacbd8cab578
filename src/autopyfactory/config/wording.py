"""Says in an operator's words what pydantic has to say of a value."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from autopyfactory.api import did_you_mean
from autopyfactory.config.node import Leaf, Node, Table
from autopyfactory.config.references import REFERENCE_HINT

_EXPECTED = {
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a string",
    "path_type": "a string",
    "url_type": "a string",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "dataclass_type": "a table",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}
_CHOICES = {"literal_error", "enum"}
_OWN_WORDS = {"value_error", "assertion_error"}
_PYDANTIC_PREFIX = "Input should be "


def expectation(detail: ErrorDetails) -> str:
    """Return what was expected, such as "an integer"; empty where the error does not say that."""
    kind = detail["type"]
    context = detail.get("ctx", {})
    if kind in _EXPECTED:
        return _EXPECTED[kind].format_map(_short_numbers(context))
    if kind in _CHOICES:
        return str(context["expected"]).replace("'", '"')
    if kind not in _OWN_WORDS and detail["msg"].startswith(_PYDANTIC_PREFIX):
        return detail["msg"].removeprefix(_PYDANTIC_PREFIX)
    return ""


def statement(detail: ErrorDetails) -> str:
    """Return the words of a validator that does not say what it expected."""
    if detail["type"] in _OWN_WORDS:
        return str(detail["ctx"]["error"])
    return detail["msg"][:1].lower() + detail["msg"][1:]


def value_hint(node: Node, detail: ErrorDetails) -> str:
    """Return what an operator may have meant by a wrong value."""
    if detail["type"] in _CHOICES and isinstance(node, Leaf) and isinstance(node.value, str):
        return did_you_mean(node.value, re.findall(r"'([^']*)'", str(detail["ctx"]["expected"])))
    if isinstance(node, Table) and {"env", "file"} & node.entries.keys():
        return REFERENCE_HINT
    return ""


def _short_numbers(context: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in context.items()
    }
