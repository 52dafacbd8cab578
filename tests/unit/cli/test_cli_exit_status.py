"""Bad input: what exit status, and what is said."""

from pathlib import Path

import pytest
from cli_world import World, apf, make_world, write_config

from autopyfactory.api import StoreRefused

WRONG = """
[factory]
id = "x"
logdir = "y"

[queues.a]
wms = "no"
batch = "no"
sched = ["redy"]
"""
NOBODY = "01KDZJ5Q8R5V6M2W7X9Y0Z1A2B"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pilots", "not-an-id"], "26 characters"),
        (["pilots", "--state", "dead"], "dead"),
        (["pilots", "--limit", "0"], "--limit"),
        (["logs", "not-an-id"], "26 characters"),
        (["logs", NOBODY, "--err", "--log"], "exclude each other"),
        (["explain", "alhpa"], 'did you mean "alpha"?'),
        (["explain"], "QUEUE"),
        (["status", "--watch", "--json"], "exclude each other"),
        (["status", "--no-such-option"], "--no-such-option"),
        (["run", "--once", "--cycles", "2"], "exclude each other"),
        (["run", "--json"], "--once"),
        (["run", "--cycles", "0"], "--cycles"),
        (["no-such-verb"], "no-such-verb"),
    ],
)
def test_wrong_usage_is_2(world: World, arguments: list[str], said: str) -> None:
    ran = apf(*arguments, env={"APF_CONFIG": str(world.config)})
    assert ran.status == 2
    assert said in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pilots", NOBODY], "does not know pilot"),
        (["logs", NOBODY], "does not know pilot"),
        (["explain", "alpha", "--cycle", "99999"], "has no cycle 99999"),
    ],
)
def test_what_cannot_be_done_is_1(world: World, arguments: list[str], said: str) -> None:
    ran = apf(*arguments, env={"APF_CONFIG": str(world.config)})
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err


@pytest.mark.parametrize("verb", ["status", "queues", "pilots", "run", "check"])
def test_every_problem_of_a_configuration_is_listed(tmp_path: Path, verb: str) -> None:
    file = write_config(
        tmp_path,
        '[factory]\nid = "x"\nlogdir = "y"\n[queues.a]\nwms = "no"\nbatch = "no"\nsched = ["redy"]\n',
    )
    ran = apf(verb, "--config", file, width=60)
    assert (ran.status, ran.out) == (2, "")
    for said in (
        "4 problems",
        "[factory.logdir]",
        "[queues.a.wms]",
        "[queues.a.batch]",
        'did you mean "ready"?',
    ):
        assert said in ran.err


@pytest.mark.parametrize("verb", ["status", "queues", "pilots"])
def test_a_store_that_is_not_there_is_1_and_is_not_made(tmp_path: Path, verb: str) -> None:
    ran = apf(verb, "--config", write_config(tmp_path))
    assert (ran.status, ran.out) == (1, "")
    assert "apf run" in ran.err
    assert sorted(child.name for child in tmp_path.iterdir()) == ["apf.toml"]


def test_no_configuration_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("autopyfactory.cli.common.configuration.PLACES", (Path("apf.toml"),))
    ran = apf("status")
    assert ran.status == 2
    assert "apf init" in ran.err
    make_world(tmp_path)
    assert apf("status").status == 0


def test_version() -> None:
    ran = apf("--version")
    assert ran.status == 0
    assert ran.out.startswith("apf 3.")


def test_what_fails_side_by_side_is_told_without_a_traceback(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = StoreRefused("the store is damaged; restore a backup")

    async def fail(*_: object, **__: object) -> None:
        raise ExceptionGroup("tasks", [refused, ExceptionGroup("more", [refused])])

    monkeypatch.setattr("autopyfactory.control.Factory.run", fail)
    ran = apf("run", "--config", world.config)
    assert (ran.status, ran.err) == (1, "apf: the store is damaged; restore a backup\n")


def test_a_fault_of_ours_is_not_hidden(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ExceptionGroup("tasks", [StoreRefused("x"), ZeroDivisionError()])

    monkeypatch.setattr("autopyfactory.control.Factory.run", fail)
    with pytest.raises(ExceptionGroup):
        apf("run", "--config", world.config)
