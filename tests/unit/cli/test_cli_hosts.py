"""``apf hosts``: the worst first, and which is a black hole."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from cli_world import World, make_world

from autopyfactory.model import EndCause, FactoryId, Pilot, PilotState, QueueName
from autopyfactory.store import open_store
from autopyfactory.testkit.store import pilot_ids


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    asyncio.run(_add_pilots(world))
    return world


async def _add_pilots(world: World) -> None:
    """Add 12 pilots that died at once on one host, and one that failed after an hour on another."""
    at = world.now - timedelta(minutes=2)
    store = await open_store(f"sqlite:///{world.folder}/apf.db", FactoryId("unit"))
    ended = [
        Pilot(
            pilot, QueueName("blind" if n else "alpha"), "local", PilotState.FAILED, at, at, ended_at=at,
            host="hole" if n else "unlucky", cause=EndCause.EXIT, exit_code=1, wall_s=2.0 if n else 3600.0,
        )
        for n, pilot in enumerate(pilot_ids(13, at))
    ]  # fmt: skip
    await store.adopt(ended)
    await store.close()


def test_the_black_hole_is_on_top(world: World) -> None:
    ran = world.apf("hosts")
    lines = [line for line in ran.out.splitlines() if "unlucky" in line or "hole" in line.split()[:1]]
    assert lines[0].split()[:6] == ["hole", "blind", "12", "12", "12", "0"]
    assert lines[0].rstrip().endswith("black hole")
    assert lines[1].split()[0] == "unlucky"
    assert "black" not in lines[1]


def test_as_a_document(world: World) -> None:
    found = world.apf("hosts", "--json").document["hosts"]
    assert (found[0]["host"], found[0]["black_hole"], found[0]["queues"]) == ("hole", True, ["blind"])
    assert {host["host"]: host["black_hole"] for host in found}["unlucky"] is False
    of_alpha = world.apf("hosts", "--json", "--queue", "alpha").document["hosts"]
    assert "hole" not in [host["host"] for host in of_alpha]
    assert world.apf("hosts", "--json", "--hours", "0.01").document["hosts"] == []
    assert len(world.apf("hosts", "--json", "--limit", "1").document["hosts"]) == 1


def test_an_unknown_queue(world: World) -> None:
    ran = world.apf("hosts", "--queue", "alfa")
    assert (ran.status, ran.out) == (2, "")
    assert 'did you mean "alpha"?' in ran.err
