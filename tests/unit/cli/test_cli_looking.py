"""The verbs that read the store: status, queues, pilots, explain, logs."""

from pathlib import Path

import pytest
from cli_world import World, make_world

from autopyfactory.cli.common.lock import only_factory


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


# --- status


def test_status_tells_ages_errors_and_when_an_endpoint_is_tried_again(world: World) -> None:
    document = world.apf("status", "--json").document
    board, local = document["endpoints"]
    assert (board["name"], board["state"], board["error"], board["failures"]) == (
        "wms.board",
        "failing",
        "connection refused",
        3,
    )
    assert 7500 <= board["ok_age_s"] < 7600
    assert board["retry_at"] > board["error_at"]
    assert (local["state"], local["error"]) == ("ok", "")


def test_status_says_unknown_never_zero(world: World) -> None:
    document = world.apf("status", "--json").document
    alpha, blind = document["queues"]
    assert alpha["jobs"]["ready"] == 40
    assert (blind["jobs"]["ready"], blind["pilots"]) == (None, None)
    assert "wms.board: connection refused" in blind["unknown"]
    shown = world.apf("status").out
    row = next(line for line in shown.splitlines() if line.startswith(" blind"))
    assert row.split()[:6] == ["blind", "unknown", "?", "?", "?", "?"]
    assert "connection refused" in shown


def test_status_counts_live_pilots_by_state(world: World) -> None:
    alpha = world.apf("status", "--json").document["queues"][0]
    assert (alpha["pilots"]["pending"], alpha["pilots"]["running"], alpha["pilots"]["held"]) == (1, 1, 0)


def test_status_gives_the_reason_of_the_last_decision(world: World) -> None:
    alpha = world.apf("status", "--json").document["queues"][0]
    assert alpha["reason"] == "max_pending: 1 of 25 already wait"
    assert "max_pending: 1 of 25 already wait" in world.apf("status").out


def test_status_says_ages_in_words(world: World) -> None:
    shown = world.apf("status", width=160).out
    assert "3 min ago" in shown
    assert "2 h ago" in shown
    assert "in 1 h" in shown


def test_status_tells_whether_a_factory_runs_here(world: World) -> None:
    assert world.apf("status", "--json").document["factory"]["pid"] is None
    with only_factory(world.folder / "apf.db.lock"):
        assert world.apf("status", "--json").document["factory"]["pid"] is not None
        assert "running (process" in world.apf("status").out


def test_status_tells_what_ails_the_store_though_the_store_cannot(world: World) -> None:
    assert world.apf("status", "--json").document["factory"]["store_trouble"] == ""
    with only_factory(world.folder / "apf.db.lock") as lock:
        lock.tell("apf.db cannot grow, the disk is full")
        assert "disk is full" in world.apf("status", "--json").document["factory"]["store_trouble"]
        assert "nothing is submitted" in world.apf("status").out


def test_status_tells_what_ails_a_store_that_cannot_be_read(world: World) -> None:
    database = world.folder / "apf.db"
    with only_factory(world.folder / "apf.db.lock") as lock:
        lock.tell("apf.db cannot grow, the disk is full")
        database.rename(world.folder / "gone")
        ran = world.apf("status", "--json")
    assert (ran.status, ran.out) == (1, "")
    assert "submits nothing" in ran.err
    assert "disk is full" in ran.err
    assert "nobody can read it" in ran.err


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("verb", ["status", "queues", "pilots"])
def test_tables_fit_the_terminal(world: World, verb: str, width: int) -> None:
    shown = world.apf(verb, width=width).out
    assert max(len(line) for line in shown.splitlines()) <= width
    assert "alpha" in shown


# --- queues


def test_queues_tells_what_became_of_pilots(world: World) -> None:
    alpha, blind = world.apf("queues", "--json").document["queues"]
    assert alpha["ended"] == {"done": 1, "empty": 1, "failed": 1, "removed": 0, "lost": 0}
    assert (alpha["wms_queue"], alpha["chain"]) == ("ALPHA", ["ready", "max_pending"])
    assert blind["ended"]["done"] == 0


def test_queues_counts_only_endings_of_the_hours_asked_for(world: World) -> None:
    alpha = world.apf("queues", "--json", "--hours", "0.05").document["queues"][0]
    assert alpha["ended"]["done"] == 0


# --- pilots


def test_pilots_lists_the_newest_first(world: World) -> None:
    found = [pilot["id"] for pilot in world.apf("pilots", "--json").document["pilots"]]
    assert found == [world.failed, world.empty, world.waiting, world.running]


def test_pilots_by_state(world: World) -> None:
    found = world.apf("pilots", "--json", "--state", "failed", "--state", "done").document["pilots"]
    assert {pilot["id"] for pilot in found} == {world.failed, world.empty}


def test_pilots_of_another_queue_are_left_out(world: World) -> None:
    assert world.apf("pilots", "--json", "--queue", "blind").document == {"pilots": []}


def test_pilots_in_pages(world: World) -> None:
    page = world.apf("pilots", "--limit", "2")
    assert f"--after {world.empty}" in page.out
    rest = world.apf("pilots", "--json", "--limit", "2", "--after", world.empty).document["pilots"]
    assert [pilot["id"] for pilot in rest] == [world.waiting, world.running]


def test_a_host_in_brackets_is_shown_as_it_is(world: World) -> None:
    assert "node[7]" in world.apf("pilots", width=160).out


def test_the_life_of_a_pilot(world: World) -> None:
    document = world.apf("pilots", world.failed.lower(), "--json").document
    assert document["pilot"]["signal"] == 9
    assert [step["after"] for step in document["transitions"]] == ["planned", "pending", "running", "failed"]
    shown = world.apf("pilots", world.failed).out
    assert "running → failed" in shown
    assert "+120.0 s" in shown
    assert "signal 9" in shown


# --- explain


def test_explain_tells_inputs_rules_and_what_was_sent(world: World) -> None:
    document = world.apf("explain", "alpha", "--json").document
    assert document["inputs"][0] == {"endpoint": "wms.board", "age_s": 12.5, "error": ""}
    assert [(step["rule"], step["in"], step["out"]) for step in document["steps"]] == [
        ("ready", 0, 39),
        ("max_pending", 39, 0),
    ]
    assert (document["submit"], document["retire"], document["planned"]) == (0, 0, 0)
    assert document["state"]["jobs"]["ready"] == 40


def test_explain_an_earlier_cycle(world: World) -> None:
    cycles = world.apf("explain", "alpha", "--last", "5", "--json").document["cycles"]
    assert [cycle["planned"] for cycle in cycles] == [0, 4]
    first = world.apf("explain", "alpha", "--cycle", str(cycles[1]["cycle"]), "--json").document
    assert (first["submit"], first["planned"]) == (4, 4)


def test_explain_for_people(world: World) -> None:
    shown = world.apf("explain", "alpha").out
    for text in (
        "12 s ago",
        "ready",
        "40 jobs are ready",
        "1 of 25 already wait",
        "decided: submit 0",
        "sent:",
    ):
        assert text in shown
    assert "?" in world.apf("explain", "blind").out


# --- logs


@pytest.mark.parametrize(("option", "suffix"), [(None, "out"), ("--err", "err"), ("--log", "log")])
def test_logs_prints_a_file_as_it_is(world: World, option: str | None, suffix: str) -> None:
    file = world.write_log(world.empty, suffix, "[bold]no markup[/]\nµ\n")
    options = [option] if option else []
    assert world.apf("logs", world.empty, *options).out == "[bold]no markup[/]\nµ\n"
    assert world.apf("logs", world.empty, *options, "--path").out.strip() == str(file)


def test_logs_follows_until_the_pilot_has_ended(world: World) -> None:
    world.write_log(world.failed, "out", "all of it\n")
    assert world.apf("logs", world.failed, "--follow").out == "all of it\n"


def test_logs_that_are_not_there(world: World) -> None:
    ran = world.apf("logs", world.waiting)
    assert ran.status == 1
    assert "has written nothing yet" in ran.err
