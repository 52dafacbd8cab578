"""Properties of laying tables over one another."""

from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config.node import Place, Table, leaves, merge_tables, node_of, plain

KEYS = st.sampled_from("abc")
VALUES = st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
# as in a schema: a key holds either tables or values, the same in every table (upper case: tables)
TABLES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=3),
    lambda below: st.tuples(
        st.dictionaries(KEYS, VALUES, max_size=3), st.dictionaries(st.sampled_from("ABC"), below, max_size=2)
    ).map(lambda pair: {**pair[0], **pair[1]}),
    max_leaves=5,
)


def table(value: dict[str, Any], file: str = "f") -> Table:
    node = node_of(value, Place(file))
    assert isinstance(node, Table)
    return node


def merged(*values: dict[str, Any]) -> Any:
    return plain(reduce(merge_tables, map(table, values)))


@given(TABLES, TABLES, TABLES)
def test_the_order_of_merging_does_not_matter(
    a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]
) -> None:
    assert merged(a, merged(b, c)) == merged(merged(a, b), c)


@given(TABLES)
def test_nothing_and_itself_change_nothing(a: dict[str, Any]) -> None:
    assert merged(a, {}) == merged({}, a) == merged(a, a) == a


@given(TABLES, TABLES)
def test_every_value_of_the_upper_table_wins_and_keeps_its_place(
    a: dict[str, Any], b: dict[str, Any]
) -> None:
    result = merge_tables(table(a, "under"), table(b, "over"))
    upper = dict(leaves(table(b, "over")))
    for steps, leaf in leaves(result):
        assert leaf.place.file == ("over" if steps in upper else "under")
    assert merged(plain(result), b) == plain(result)


@given(TABLES)
def test_places_are_lost_without_a_trace(a: dict[str, Any]) -> None:
    assert plain(table(a)) == a


def test_lists_replace_and_tables_merge() -> None:
    assert merged({"l": [1, 2], "t": {"x": 1, "y": 1}}, {"l": [3], "t": {"y": 2}}) == {
        "l": [3],
        "t": {"x": 1, "y": 2},
    }
    assert merged({"v": {"x": 1}}, {"v": 3}) == {"v": 3}


def test_keys_are_written_as_in_the_file() -> None:
    place = Place("f").child("queues").child("a.b/c").child("sched").child(2).child("max_per_cycle")
    assert place.key == 'queues."a.b/c".sched[2].max_per_cycle'
