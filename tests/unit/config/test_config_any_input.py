"""Whatever stands in a file, it is a whole configuration or a list of problems."""

from typing import Any

import tomlkit
from config_folder import BASE, Folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autopyfactory.api import ConfigError
from autopyfactory.config import load, load_chains, show

SECTIONS = st.sampled_from(["factory", "wms", "batch", "profiles", "queues", "queue"])
KEYS_AND_TEXTS = """
    id store plugin url token status_map a b extends sched wms batch wms_queue pilot executable arguments
    environment inputs cores apf2_quirks status env file ready scale max_per_factory maximum factor enabled
    interval_s base remote cluster {queue} {wms.url} { ' . = builtin:wrapper
"""
WORDS = st.sampled_from(["", *KEYS_AND_TEXTS.split()])
SCALARS = (
    WORDS | st.just("\0") | st.integers(-1, 99) | st.booleans() | st.floats() | st.dates() | st.datetimes()
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(WORDS, below, max_size=4),
    max_leaves=8,
)
TABLES = st.dictionaries(WORDS, VALUES, max_size=6)
FILES = st.dictionaries(SECTIONS, st.dictionaries(WORDS, TABLES | VALUES, max_size=3), max_size=6)

ANY_TIME = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def problems(error: ConfigError) -> bool:
    return all(problem.problem and problem.file == "apf.toml" for problem in error.problems)


def complete(folder: Folder, text: str) -> bool:
    """Tell whether a file is a whole configuration, all of whose queues came out, or has problems."""
    file = folder.write("apf.toml", text)
    queues = list(tomlkit.parse(text).get("queues", {}))
    try:
        good_chains = list(load_chains([file], {})) == queues
    except ConfigError as error:
        good_chains = problems(error)
    try:
        return good_chains and list(show(load([file], {"a": "b"}))["queues"]) == queues
    except ConfigError as error:
        return good_chains and problems(error)


@ANY_TIME
@given(content=FILES)
def test_any_file(folder: Folder, content: dict[str, Any]) -> None:
    assert complete(folder, tomlkit.dumps(content))


@ANY_TIME
@given(queue=TABLES, pilot=TABLES)
def test_any_queue_in_a_file_that_is_right(
    folder: Folder, queue: dict[str, Any], pilot: dict[str, Any]
) -> None:
    content = {"queues": {"Q": {"extends": "base", "pilot": pilot, **queue}}}
    assert complete(folder, f"{BASE}\n{tomlkit.dumps(content)}")
