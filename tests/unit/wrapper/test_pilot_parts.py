import argparse
import base64
import errno
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.wrapper import pilot
from autopyfactory.wrapper.pilot import (
    BadJob,
    Ending,
    Job,
    Outcome,
    Pilot,
    completed,
    identified,
    outcome_of,
    read_options,
)

NEEDED = ["--wrapperserverurl", "http://127.0.0.1:1", "--wrapperwmsqueue", "Q"]


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--wrappervo", "ATLAS", "--wrappergrid=OSG", "--wrapperloglevel"],
        ["--lifetime", "60", "--wrapperpurpose", "production", "--cores", "8"],
    ],
)
def test_options_of_other_wrappers_are_accepted(more: list[str]) -> None:
    options = read_options(NEEDED + more)
    assert options.wrapperwmsqueue == "Q"
    assert (options.idle, options.heartbeat, options.max_payloads) == (0, 300, None)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--wrapperserverurl"),
        (NEEDED[:2], "--wrapperwmsqueue"),
        (["--wrapperserverurl", "board:25080", *NEEDED[2:]], "invalid server_url"),
        ([*NEEDED, "--lifetme", "3"], "unknown option --lifetme"),
        ([*NEEDED, "--life", "3"], "unknown option --life"),
        ([*NEEDED, "stray"], "unexpected word 'stray'"),
        ([*NEEDED, "--wrappervo", "ATLAS", "stray"], "unexpected word 'stray'"),
        ([*NEEDED, "--wrappervo=ATLAS", "stray"], "unexpected word 'stray'"),
        ([*NEEDED, "--lifetime", "-1"], "--lifetime"),
        ([*NEEDED, "--lifetime", "nan"], "--lifetime"),
        ([*NEEDED, "--poll", "0"], "above 0"),
        ([*NEEDED, "--cores", "0"], "--cores"),
    ],
)
def test_wrong_usage_has_its_own_exit_code(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        read_options(arguments)
    assert caught.value.code == pilot.EXIT_ENVIRONMENT
    assert complaint in capsys.readouterr().err


def test_help_tells_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_options(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    codes = [
        value for name, value in vars(pilot).items() if name.startswith("EXIT_") and isinstance(value, int)
    ]
    assert len(codes) == 6
    for code in codes:
        assert f"\n {code:3}  " in text


PANDA: dict[str, Any] = {
    "PandaID": 11,
    "attemptNr": "1",
    "transformation": "/bin/echo",
    "jobPars": "a 'b c' ''",
}


def test_a_job_of_panda() -> None:
    job = completed(identified(PANDA), PANDA)
    assert job == Job(11, 1, [b"/bin/echo", b"a", b"b c", b""], {}, [], None)


def test_a_job_of_a_board() -> None:
    described = {
        **PANDA,
        "environment": {"GREETING": "grüß"},
        "inputs": [{"name": "run.sh", "data": base64.b64encode(b"#!").decode(), "executable": True}],
        "leaseSeconds": 120.0,
    }
    job = completed(identified(described), described)
    assert job.environment == {b"GREETING": "grüß".encode()}
    assert job.inputs == [("run.sh", b"#!", True)]
    assert job.lease_s == 120


@pytest.mark.parametrize(
    "wrong",
    [
        {"PandaID": None},
        {"PandaID": "NULL"},
        {"attemptNr": "x"},
        {"leaseSeconds": []},
    ],
)
def test_a_job_without_identity(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadJob):
        identified({**PANDA, **wrong})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"transformation": None}, "cannot be run"),
        ({"transformation": "https://example.org/trf"}, "is a URL"),
        ({"jobPars": "'open"}, "No closing quotation"),
        ({"jobPars": 3}, "cannot be run"),
        ({"environment": []}, None),
        ({"environment": [1]}, "cannot be run"),
        ({"environment": {"A": 1}}, "cannot be run"),
        ({"environment": {"A": "\ud800"}}, "cannot be run"),
        ({"inputs": [{"name": "../../etc/passwd", "data": ""}]}, "not a plain name"),
        ({"inputs": [{"name": "..", "data": ""}]}, "not a plain name"),
        ({"inputs": [{"name": "a", "data": "?"}]}, "cannot be run"),
        ({"inputs": [{"name": "a"}]}, "cannot be run"),
    ],
)
def test_a_job_that_cannot_be_run(wrong: dict[str, Any], why: str | None) -> None:
    described = {**PANDA, **wrong}
    if why is None:
        completed(identified(described), described)
        return
    with pytest.raises(BadJob, match=why):
        completed(identified(described), described)


@pytest.mark.parametrize(
    ("returned", "outcome"),
    [
        (0, Outcome(0)),
        (3, Outcome(3, "exit code 3: it broke")),
        (-9, Outcome(137, "killed by signal 9: it broke")),
    ],
)
def test_outcomes(tmp_path: Path, returned: int, outcome: Outcome) -> None:
    (tmp_path / "payload.err").write_text("it broke\n")
    assert outcome_of(returned, str(tmp_path)) == outcome


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (b'{"pi": 3.1}', Outcome(0, "", '{"pi": 3.1}')),
        (b"x" * 65536, Outcome(0, "", "x" * 65536)),
        (b"x" * 65537, Outcome(0, "result.json has more than 65536 bytes")),
    ],
)
def test_results(tmp_path: Path, content: bytes, outcome: Outcome) -> None:
    (tmp_path / "result.json").write_bytes(content)
    assert outcome_of(0, str(tmp_path)) == outcome


def test_a_result_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(b"\xff")
    assert outcome_of(0, str(tmp_path)).diag.startswith("result.json cannot be read")


class OneJob(pilot.Wms):
    """A WMS in memory with one job."""

    def __init__(self) -> None:
        self.left = [PANDA]
        self.reports: list[tuple[str, Outcome | None]] = []

    def acquire(self, memory_mb: int | None, cores: int | None) -> dict[str, Any] | None:
        return self.left.pop() if self.left else None

    def update(self, job: Job, status: str, outcome: Outcome | None = None) -> bool:
        self.reports.append((status, outcome))
        return True


def _options() -> argparse.Namespace:
    return read_options(NEEDED)


@pytest.mark.parametrize("step", ["prepare", "start"])
def test_a_full_disk_ends_the_pilot_and_returns_the_job(
    step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pilot, step, full)
    wms = OneJob()
    assert Pilot(_options(), wms, Ending()).run() == pilot.EXIT_ENVIRONMENT
    ((status, outcome),) = wms.reports
    assert status == "failed"
    assert outcome is not None
    assert "does not let the pilot work" in outcome.diag
    assert list(tmp_path.iterdir()) == []


def test_facts_of_the_host(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    facts = dict(pilot.host_facts())
    assert {"host", "cpu", "cores", "memory", "directory"} <= set(facts)
    assert all(facts.values())


def test_pauses_grow_to_a_ceiling() -> None:
    backoff = pilot.Backoff(5)
    pauses = [backoff.next() for _ in range(8)]
    assert pauses[0] <= 1
    assert all(3.5 <= pause <= 5 for pause in pauses[3:])
