"""``extends``."""

import pytest
from config_folder import Folder


def test_later_profiles_win_and_the_queue_wins_over_all(folder: Folder) -> None:
    config = folder.load(
        """
        [profiles.a]
        interval_s = 1
        pilot = {cores = 1, memory_mb = 1, environment = {A = "a", X = "a"}}
        [profiles.b]
        extends = "a"
        pilot = {cores = 2, memory_mb = 2, environment = {X = "b"}}
        [profiles.c]
        pilot = {cores = 3}
        [queues.Q]
        extends = ["base", "b", "c"]
        sched = ["null"]
        pilot = {environment = {Q = "q"}}
        """
    )
    (queue,) = config.queues.values()
    assert (queue.settings.interval_s, queue.spec.cores, queue.spec.memory_mb) == (1, 3, 2)
    assert queue.spec.environment == {"A": "a", "X": "b", "Q": "q"}
    assert [step.name for step in queue.chain] == ["null"]


def test_a_shared_ancestor_comes_in_twice_without_harm(folder: Folder) -> None:
    queue = folder.load(
        '[profiles.l]\nextends = "base"\n[profiles.r]\nextends = "base"\n[queues.Q]\nextends = ["l", "r"]'
    )
    assert list(queue.queues) == ["Q"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[profiles.a]\nextends = "a"',
            ["[profiles.a.extends]: extends itself: a -> a; remove one of these links"],
        ),
        (
            """
            [profiles]
            a = {extends = "b"}
            b = {extends = ["c"]}
            c = {extends = "a"}
            [queues]
            Q = {extends = "c"}
            R = {extends = "b"}
            """,
            ["[profiles.a.extends]: extends itself: a -> b -> c -> a; remove one of these links"],
        ),
        (
            '[queues.Q]\nextends = "bass"',
            ['[queues.Q.extends]: no profile is called "bass"; did you mean "base"?'],
        ),
        (
            '[queues.Q]\nextends = ["base", "zebra"]',
            ['[queues.Q.extends[1]]: no profile is called "zebra"; add [profiles.zebra], or remove it here'],
        ),
        (
            '[queues.Q]\nextends = "base"\n[queues.R]\nextends = "Q"',
            ['[queues.R.extends]: no profile is called "Q"; it is a queue: extend a profile instead'],
        ),
        (
            '[queues.Q]\nextends = 3\n[queues.R]\nextends = ["base", {a = 1}]',
            [
                "[queues.Q.extends]: expected a profile's name or a list of them, got 3",
                "[queues.R.extends[1]]: expected a profile's name, got a table",
            ],
        ),
    ],
)
def test_what_cannot_be_extended(folder: Folder, text: str, expected: list[str]) -> None:
    assert folder.problems(text) == expected


def test_a_bad_profile_is_reported_once_where_it_is_written(folder: Folder) -> None:
    profile = """
        [profiles.bad]
        extends = "base"
        wms = "v"
        interval_s = -1
        pilot = {cores = "many", arguments = "{quue}"}
        sched = ["raedy"]
        """
    queues = "\n".join(
        f'[queues.Q{i}]\nextends = "bad"\npilot = {{cores = 1}}\ninterval_s = 1' for i in range(100)
    )
    assert folder.problems(profile + queues) == [
        '[profiles.bad.sched[0]]: no rule is called "raedy"; did you mean "ready"?',
        "[profiles.bad.interval_s]: expected more than 0, got -1",
        '[profiles.bad.pilot.cores]: expected an integer, got "many"',
        "[profiles.bad.wms]: there is no [wms.v]; add [wms.v]",
        '[profiles.bad.pilot.arguments]: unknown placeholder {quue}; did you mean "queue"?',
    ]


def test_a_profile_that_nobody_uses_is_checked(folder: Folder) -> None:
    assert folder.problems(
        '[profiles.idle]\nintervall_s = 3\nsched = [{ready = {offset = "x"}}]\nwms = "ww"'
    ) == [
        '[profiles.idle.sched[0].ready.offset]: expected an integer, got "x"',
        '[profiles.idle.intervall_s]: unknown key; did you mean "interval_s"?',
        '[profiles.idle.wms]: there is no [wms.ww]; did you mean "w"?',
    ]
