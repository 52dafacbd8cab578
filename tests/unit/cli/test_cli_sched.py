"""``apf sched``: a chain on numbers typed in."""

from pathlib import Path

import pytest
from cli_world import apf

CHAIN = """
[queues.BNL]
sched = [
    {ready = {offset = 4}}, {scale = {factor = 0.5}}, {status_test = {pilots = 3}},
    {max_per_cycle = {maximum = 100}}, {min_per_cycle = {minimum = 0}}, {max_pending = {maximum = 25}},
    {status_offline = {pilots = 1}},
]
"""
DOCUMENTED = ("--ready", "100", "--pending", "10", "--running", "8", "--status", "online")


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    file = tmp_path / "queues.toml"
    file.write_text(CHAIN)
    return file


def test_the_documented_run_of_apf2(chain: Path) -> None:
    document = apf("sched", "--config", chain, *DOCUMENTED, "--json").document
    assert [step["out"] for step in document["steps"]] == [86, 43, 43, 43, 43, 15, 15]
    assert [step["in"] for step in document["steps"]] == [0, 86, 43, 43, 43, 43, 15]
    assert all(set(step) == {"rule", "in", "out", "why"} for step in document["steps"])
    assert (document["submit"], document["retire"], document["queue"]) == (15, 0, "BNL")
    assert document["message"].startswith("Ready:in=0,activated=100,offset=4,pending=10,ret=86;Scale:in=86,")


def test_for_people(chain: Path) -> None:
    ran = apf("sched", "--config", chain, *DOCUMENTED, width=60)
    assert "BNL: submit 15, retire 0" in ran.out
    # APF 2's message is for monitors: one line, whatever the terminal
    assert any(line.startswith("Ready:in=0") and line.endswith("ret=15") for line in ran.out.splitlines())


def test_the_environment_names_the_configuration(chain: Path) -> None:
    assert apf("sched", "--json", env={"APF_CONFIG": str(chain)}).document["queue"] == "BNL"


def test_unknown_is_not_zero(chain: Path) -> None:
    unknown = apf("sched", "--config", chain, "--unknown", "--json").document
    assert unknown["submit"] == 0
    assert "no number" in unknown["steps"][0]["why"]
    zero = apf("sched", "--config", chain, "--ready", "0", "--json").document
    assert "no number" not in zero["steps"][0]["why"]


def test_a_site_off_line(chain: Path) -> None:
    document = apf("sched", "--config", chain, "--ready", "100", "--status", "offline", "--json").document
    assert document["submit"] == 1


def test_among_several_queues_one_must_be_chosen(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    file.write_text('[queues.a]\nsched = ["null"]\n[queues.b]\nsched = [{fixed = {pilotspercycle = 3}}]\n')
    ran = apf("sched", "--config", file)
    assert ran.status == 2
    assert "choose one with --queue: a, b" in ran.err
    assert apf("sched", "--config", file, "--queue", "b", "--json").document["submit"] == 3
    missing = apf("sched", "--config", file, "--queue", "c")
    assert (missing.status, missing.out) == (2, "")
    assert 'no queue is called "c"' in missing.err


def test_factory_total_is_this_queues_unless_told(tmp_path: Path) -> None:
    file = tmp_path / "capped.toml"
    file.write_text('[queues.a]\nsched = ["ready", {max_per_factory = {maximum = 50}}]\n')
    arguments = ("sched", "--config", file, "--ready", "100", "--pending", "10", "--running", "20", "--json")
    assert apf(*arguments).document["submit"] == 20
    assert apf(*arguments, "--factory-total", "45").document["submit"] == 5
