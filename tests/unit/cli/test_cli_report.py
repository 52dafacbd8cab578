import re
from pathlib import Path

import pytest
from cli_world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_the_table_sums_up_the_pilots_of_a_queue(world: World) -> None:
    ran = world.apf("report", "alpha")
    assert ran.status == 0
    told = dict(re.findall(r"^ *(\w[\w ]+?)  +(\S.*?) *$", ran.out, re.MULTILINE))
    assert "alpha, Factory unit, 1 d until" in ran.out
    assert (told["pilots ended"], told["empty"], told["failed"], told["worked"]) == ("2", "1", "1", "0")
    assert (told["empty share"], told["failure share"]) == ("50.0%", "50.0%")
    assert (told["mean wait"], told["mean time on node"], told["hours of work"]) == (
        "30.0 s",
        "90.0 s",
        "0.0",
    )


def test_json_has_the_same_and_the_series(world: World) -> None:
    told = world.apf("report", "--since", "90min", "--json").document
    assert told["queue"] is None
    assert told["pilots"]["endings"]["failed"] == 1
    assert told["pilots"]["mean_wait_s"] == pytest.approx(30)
    assert sum(told["pilots"]["waits"]["pilots"]) == 2
    assert sum(point["submitted"] for point in told["series"]) == 4
    assert sum(point["ended"] for point in told["series"]) == 2
    assert told["series"][0]["ready"] == 100


def test_a_young_factory_is_shown_in_steps_that_fit(world: World) -> None:
    assert world.apf("report", "alpha", "--since", "30d", "--json").document["step_s"] <= 30


def test_pictures_and_a_page_are_written(world: World) -> None:
    png, svg, page = (world.folder / f"r.{suffix}" for suffix in ("png", "svg", "html"))
    ran = world.apf("report", "alpha", "--png", png, "--svg", svg, "--html", page)
    assert ran.status == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "jobs ready" in svg.read_text()
    text = page.read_text()
    assert "50.0%" in text
    assert "vegaEmbed" in text
    # it works offline: what loads anything is not there, and would not be allowed
    assert "default-src 'none'" in text
    assert not re.search(r"<(link|img|iframe)\b|<script[^>]+src", text[: text.index("<script>")])
    assert str(page) in ran.err


def test_what_cannot_be_told_is_said(world: World) -> None:
    ran = world.apf("report", "alfa")
    assert (ran.status, ran.out) == (2, "")
    assert 'no queue is called "alfa"; did you mean "alpha"?' in ran.err
    ran = world.apf("report", "alpha", "--since", "5s")
    assert (ran.status, ran.out) == (1, "")
    assert "within the last 5 s there was no cycle of queue alpha" in ran.err
    assert "--since" in ran.err
    assert world.apf("report", "--since", "soon").status == 2
    assert world.apf("report", "--since", "0s").status == 2
    ran = world.apf("report", "--html", world.folder / "nowhere" / "r.html")
    assert ran.status == 1
    assert "cannot be written: No such file or directory" in ran.err
