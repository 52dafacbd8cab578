"""The verbs that do something: init, check, run, db, board."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_world import CONFIG, World, apf, make_world, write_config

from autopyfactory.cli.common.lock import only_factory
from autopyfactory.config import load
from autopyfactory.model import FactoryId
from autopyfactory.store import open_store

WITHOUT_WMS = CONFIG.replace('plugin = "board"', 'plugin = "none"').replace('url = "http://127.0.0.1:9"', "")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


# --- init and check


def test_init_writes_a_configuration_that_is_valid(tmp_path: Path) -> None:
    ran = apf("init", tmp_path / "new")
    file = tmp_path / "new/apf.toml"
    assert (ran.status, ran.out.strip()) == (0, str(file))
    assert load([file], {}).queues


def test_init_never_overwrites(tmp_path: Path) -> None:
    write_config(tmp_path, "precious")
    ran = apf("init", tmp_path)
    assert ran.status == 2
    assert "is there already" in ran.err
    assert (tmp_path / "apf.toml").read_text() == "precious"


def test_check_tells_every_endpoint_and_fails_with_one(world: World) -> None:
    ran = world.apf("check", "--json")
    tried = {item["name"]: item for item in ran.document["endpoints"]}
    assert (ran.status, ran.document["ok"]) == (1, False)
    assert tried["store"]["ok"]
    assert tried["batch.local"]["detail"] == "0 live pilots of ours"
    assert not tried["wms.board"]["ok"]
    assert "127.0.0.1:9" in tried["wms.board"]["detail"]
    assert "FAILED" in world.apf("check").out


def test_check_is_content_where_all_answer_and_makes_no_store(tmp_path: Path) -> None:
    file = write_config(tmp_path, WITHOUT_WMS)
    ran = apf("check", "--config", file, "--json")
    assert (ran.status, ran.document["ok"], ran.document["queues"]) == (0, True, 2)
    assert not (tmp_path / "apf.db").exists()


# --- run


def test_a_dry_run_decides_and_sends_nothing(tmp_path: Path) -> None:
    fixed = WITHOUT_WMS.replace('"ready"', "{fixed = {pilotspercycle = 3}}")
    file = write_config(tmp_path, fixed)
    alpha, _ = apf("run", "--dry-run", "--json", "--config", file).document["queues"]
    assert (alpha["submit"], alpha["planned"], alpha["note"]) == (3, 0, "dry run: nothing is sent")
    shown = apf("run", "--dry-run", "--config", file)
    assert shown.status == 0
    assert "dry run: nothing is sent" in shown.out
    assert apf("pilots", "--json", "--config", file).document == {"pilots": []}


def test_only_one_factory_runs_on_a_store(world: World) -> None:
    with only_factory(world.folder / "apf.db.lock"):
        ran = world.apf("run", "--once")
    assert ran.status == 1
    assert f"process {os.getpid()}" in ran.err


def test_a_lock_that_was_left_over_means_nothing(world: World) -> None:
    (world.folder / "apf.db.lock").write_text("99999\n")
    assert world.apf("run", "--once", "--json").status == 0


def test_a_store_of_another_factory_is_refused(world: World) -> None:
    write_config(world.folder, CONFIG.replace('"unit"', '"other"'))
    ran = world.apf("run", "--once")
    assert ran.status == 1
    assert "belongs to factory 'unit'" in ran.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    file = write_config(tmp_path, WITHOUT_WMS)
    process = _started("run", "--config", file, "--log-format", "json")
    assert process.stderr
    _wait_for(process, "started with")
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(err.splitlines()[-1])["message"] == "stopped"


def _started(*arguments: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", "from autopyfactory.cli import main; main()", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stderr
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the process ended before it said {text!r}")


# --- db


def test_db_version(world: World) -> None:
    ran = world.apf("db", "version", "--config", world.config, "--json")
    assert (ran.status, ran.document["ok"]) == (0, True)


def test_db_upgrade_has_nothing_to_do(world: World) -> None:
    assert "nothing to do" in apf("db", "upgrade", "--config", world.config).out


def test_db_copy_takes_all_of_it(world: World, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert apf("db", "copy", f"sqlite:///{target}", "--config", world.config).status == 0

    async def pilots() -> int:
        store = await open_store(f"sqlite:///{target}", FactoryId("unit"), create=False)
        try:
            return len(await store.live())
        finally:
            await store.close()

    assert asyncio.run(pilots()) == 2
    again = apf("db", "copy", f"sqlite:///{target}", "--config", world.config)
    assert again.status == 1
    assert "holds a store already" in again.err


def test_db_prune_keeps_what_lives(world: World) -> None:
    ran = apf("db", "prune", "--pilots-days", "0", "--cycles-days", "0", "--json", "--config", world.config)
    assert ran.document["rows"] > 0
    left = {pilot["id"] for pilot in world.apf("pilots", "--json").document["pilots"]}
    assert left == {world.running, world.waiting}


@pytest.mark.parametrize("verb", [["db", "upgrade"], ["db", "copy", "sqlite:////nowhere/x.db"]])
def test_db_leaves_the_store_of_a_running_factory_alone(world: World, verb: list[str]) -> None:
    with only_factory(world.folder / "apf.db.lock"):
        ran = apf(*verb, "--config", world.config)
    assert ran.status == 1
    assert "another factory runs" in ran.err


# --- board


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A board that is served by the verb itself, in a process of its own."""
    database = tmp_path_factory.mktemp("board") / "board.db"
    process = _started("board", "serve", "--port", "0", "--database", database)
    assert process.stdout
    url = process.stdout.readline().strip()
    yield url
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    process.communicate()


def _submit(board: str, *arguments: str | Path) -> Any:
    return apf("board", "submit", "--url", board, "--json", *arguments)


def test_board_submit_and_jobs(board: str, tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text("print('hi')")
    options = ("--queue", "Q1", "--count", "3", "--input", script, "--env", "A=1", "--name", "mine")
    ids = _submit(board, *options, "--", "python3", "work.py", "--queue", "not-an-option").document["job_ids"]
    assert len(ids) == 3
    listed = apf("board", "jobs", "--url", board, "--queue", "Q1", "--json").document["jobs"]
    assert [job["job_id"] for job in listed] == ids[::-1]
    assert {(job["status"], job["name"]) for job in listed} == {("activated", "mine")}
    states = apf("board", "jobs", str(ids[0]), "--url", board, "--json").document["jobs"]
    assert (states[0]["job_id"], states[0]["result"]) == (ids[0], None)
    assert "mine" in apf("board", "jobs", "--url", board, "--queue", "Q1").out


def test_what_follows_the_command_belongs_to_it(board: str) -> None:
    (job_id,) = _submit(board, "--queue", "Q3", "sleep", "--count", "7").document["job_ids"]
    assert apf("board", "jobs", str(job_id), "--url", board, "--json").document["jobs"][0]["job_id"] == job_id


def test_board_submit_from_a_file(board: str, tmp_path: Path) -> None:
    file = tmp_path / "jobs.json"
    file.write_text(json.dumps([{"queue": "Q2", "command": "true"}, {"queue": "Q2", "command": "false"}]))
    assert len(_submit(board, "--file", file).document["job_ids"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name either a command"),
        (["--file", "jobs.json", "--", "true"], "name either a command"),
        (["--file", "missing.json"], "cannot be read"),
        (["--queue", "no queue!", "--", "true"], "queue"),
        (["--env", "NOVALUE", "--", "true"], "NAME=VALUE"),
        (["--input", "missing.py", "--", "true"], "cannot be read"),
    ],
)
def test_board_refuses_what_is_no_job(board: str, arguments: list[str], said: str) -> None:
    ran = _submit(board, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_a_job_status_that_is_none(board: str) -> None:
    ran = apf("board", "jobs", "--url", board, "--status", "ready")
    assert ran.status == 2
    assert "activated" in ran.err


def test_a_board_that_does_not_answer() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        ran = apf("board", "jobs", "--url", f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert (ran.status, ran.out) == (1, "")
    assert "127.0.0.1" in ran.err
