"""Jobs as PanDA and the board describe them, made into what is started."""

import base64
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.wrapper.errors import BadPayload
from autopyfactory.wrapper.sources.panda import Api, Asked, PandaWork

PANDA: dict[str, Any] = {
    "PandaID": 11,
    "attemptNr": "1",
    "transformation": "/bin/echo",
    "jobPars": "a 'b c' ''",
}


def _work(**more: Any) -> PandaWork:
    asked = Asked("Q", "managed", heartbeat_s=300.0)
    return PandaWork(Api("http://127.0.0.1:1"), asked, {**PANDA, **more}, {b"HOME": b"/home"}, 1000)


def test_a_job_of_panda(tmp_path: Path) -> None:
    work = _work()
    assert (work.name, work.attempt, work.beat_s, work.echo) == ("11", 1, 300.0, False)
    command = work.prepare(str(tmp_path))
    assert command.words == [b"/bin/echo", b"a", b"b c", b""]
    assert command.environment == {b"HOME": b"/home", b"PANDAID": b"11"}
    assert command.vmem_kb == 1000


def test_a_job_of_a_board(tmp_path: Path) -> None:
    run, data = ({"name": name, "data": base64.b64encode(b"#!").decode()} for name in ("run.sh", "ü.dat"))
    work = _work(
        environment={"GREETING": "grüß"}, inputs=[{**run, "executable": True}, data], leaseSeconds=120.0
    )
    command = work.prepare(str(tmp_path))
    assert command.environment[b"GREETING"] == "grüß".encode()
    assert work.beat_s == 30, "a quarter of the lease"
    assert (tmp_path / "run.sh").read_bytes() == b"#!"
    assert (tmp_path / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "ü.dat").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "wrong", [{"PandaID": None}, {"PandaID": "NULL"}, {"attemptNr": "x"}, {"leaseSeconds": []}]
)
def test_a_job_without_identity(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        _work(**wrong)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"transformation": None}, "cannot be run"),
        ({"transformation": "https://example.org/trf"}, "is a URL"),
        ({"jobPars": "'open"}, "No closing quotation"),
        ({"jobPars": 3}, "cannot be run"),
        ({"environment": [1]}, "cannot be run"),
        ({"environment": {"A": 1}}, "cannot be run"),
        ({"environment": {"A": "\ud800"}}, "cannot be run"),
        ({"inputs": [{"name": "../../etc/passwd", "data": ""}]}, "not a plain name"),
        ({"inputs": [{"name": "/etc/passwd", "data": ""}]}, "not a plain name"),
        ({"inputs": [{"name": "..", "data": ""}]}, "not a plain name"),
        ({"inputs": [{"name": "a", "data": "?"}]}, "cannot be run"),
        ({"inputs": [{"name": "a"}]}, "cannot be run"),
    ],
)
def test_a_job_that_cannot_be_run(wrong: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(BadPayload, match=why):
        _work(**wrong).prepare(str(tmp_path))
    assert list(tmp_path.iterdir()) == [], "nothing is written before all of it is known to be right"
