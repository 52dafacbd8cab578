"""The wrapper as a process, against a WMS that says what the test wants."""

import base64
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pilot_process import DONE, ScriptedWms, job, old_python, run_pilot, start_pilot

PYTHONS = [sys.executable, *filter(None, [old_python()])]


@pytest.fixture
def wms() -> Iterator[ScriptedWms]:
    wms = ScriptedWms()
    yield wms
    wms.close()


def until(condition: Callable[[], object]) -> None:
    """Wait for another process, in real time."""
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("python", PYTHONS)
def test_a_payload_and_its_result(wms: ScriptedWms, tmp_path: Path, python: str) -> None:
    script = b"""#!/bin/sh
printf '%s|' "$@" "$GREETING" "$PANDAID" "$PANDA_AUTH_TOKEN" > result.json
pwd; echo complaint >&2
"""
    token = tmp_path / "token"
    token.write_text("sesame\n")
    wms.jobs = [
        job(
            7,
            "./run.sh",
            pars="'a b' '' 'ü\"$HOME'",
            environment={"GREETING": "grüß"},
            inputs=[{"name": "run.sh", "data": base64.b64encode(script).decode(), "executable": True}],
        )
    ]
    work = tmp_path / "work"
    work.mkdir()
    identity = {"APF_PILOT": "01J", "APFFID": "factory", "GTAG": "http://log", "PANDA_AUTH_TOKEN": str(token)}
    code, output = run_pilot(
        wms.url, work, "--cores", "2", "--memory-mb", "4000", "--wrapperbatchqueue", "B",
        python=python, LC_ALL="C", **identity,
    )  # fmt: skip
    assert code == 0, output
    (finished,) = wms.updates("finished")
    assert finished["meta_data"] == 'a b||ü"$HOME|grüß|7||'
    assert (
        finished.items()
        >= {
            "job_id": 7,
            "attempt_nr": 1,
            "trans_exit_code": 0,
            "pilot_id": "01J",
            "site_name": "Q",
        }.items()
    )
    assert wms.updates("running")
    method, asked = wms.calls[0]
    assert method == "/api/v1/pilot/acquire_jobs"
    assert asked.items() >= {"site_name": "Q", "memory": 4000, "computing_element": "B", "n_jobs": 1}.items()
    assert wms.headers[0]["X-Apf-Cores"] == "2"
    assert wms.headers[0]["Authorization"] == "Bearer sesame"
    assert "sesame" not in output
    for fact in ("APF_PILOT: 01J", "GTAG: http://log", "kernel: ", "complaint", f"{work}/payload-7-"):
        assert fact in output
    assert list(work.iterdir()) == [], "directories of payloads are cleaned"


@pytest.mark.parametrize("python", PYTHONS)
def test_an_empty_pilot(wms: ScriptedWms, tmp_path: Path, python: str) -> None:
    code, output = run_pilot(wms.url, tmp_path, python=python)
    assert code == 80
    assert "no work" in output
    assert len(wms.calls) == 1


def test_it_goes_on_asking_while_it_may_be_idle(wms: ScriptedWms, tmp_path: Path) -> None:
    code, _ = run_pilot(wms.url, tmp_path, "--idle", "0.5")
    assert code == 80
    assert 3 <= len(wms.calls) <= 8


def test_nobody_there(tmp_path: Path) -> None:
    code, output = run_pilot("http://127.0.0.1:1", tmp_path)
    assert code == 82
    assert "refused" in output


@pytest.mark.parametrize(
    "answer",
    [
        500,
        {"success": False, "message": "no production/pilot role", "data": None},
        {"success": True, "message": "", "data": None},
        {"success": True, "message": "", "data": {"jobs": 3}},
        {"success": "yes"},
    ],
)
def test_a_wms_that_gives_no_usable_answer(wms: ScriptedWms, tmp_path: Path, answer: object) -> None:
    wms.on_acquire = lambda: answer
    code, _ = run_pilot(wms.url, tmp_path)
    assert code == 82


def test_a_failed_payload_is_the_payloads_matter(wms: ScriptedWms, tmp_path: Path) -> None:
    wms.jobs = [
        job(1, "sh", pars="-c 'echo it broke >&2; exit 3'"),
        job(2, "./not-there"),
        job(3, "http://example.org/trf"),
        job(4, "sh", pars="-c 'kill -KILL $$'"),
        job(5, "true"),
    ]
    code, output = run_pilot(wms.url, tmp_path)
    assert code == 0, output
    failed = {body["job_id"]: body for body in wms.updates("failed")}
    assert {i: body["trans_exit_code"] for i, body in failed.items()} == {1: 3, 2: 127, 3: 127, 4: 137}
    assert failed[1]["pilot_error_diag"] == "exit code 3: it broke"
    assert "cannot start" in failed[2]["pilot_error_diag"]
    assert [body["job_id"] for body in wms.updates("finished")] == [5]


def test_no_more_payloads_than_told(wms: ScriptedWms, tmp_path: Path) -> None:
    wms.jobs = [job(n, "true") for n in range(3)]
    code, _ = run_pilot(wms.url, tmp_path, "--max-payloads", "2")
    assert code == 0
    assert len(wms.jobs) == 1


def test_no_payload_after_its_lifetime(wms: ScriptedWms, tmp_path: Path) -> None:
    wms.jobs = [job(1, "sleep", pars="1.2"), job(2, "true")]
    code, output = run_pilot(wms.url, tmp_path, "--lifetime", "1")
    assert code == 0
    assert "the lifetime of 1 s is over" in output
    assert [body["job_id"] for body in wms.updates("finished")] == [1], "a running payload is not stopped"


def test_a_job_without_identity_is_passed_over(wms: ScriptedWms, tmp_path: Path) -> None:
    wms.jobs = [{"transformation": "true"}, job(2, "true")]
    code, _ = run_pilot(wms.url, tmp_path)
    assert code == 0
    assert [body["job_id"] for body in wms.updates("finished")] == [2]


@pytest.mark.parametrize("command", ["tobekilled", "badattemptnr"])
def test_it_obeys_the_wms(wms: ScriptedWms, tmp_path: Path, command: str) -> None:
    children = tmp_path / "children"
    wms.jobs = [job(1, "sh", pars=f"-c 'sleep 60 & echo $! > {children}; wait'", leaseSeconds=0.8)]
    wms.on_update = lambda body: (
        {"StatusCode": 0, "command": command}
        if body["job_status"] == "running" and children.exists()
        else DONE
    )
    code, output = run_pilot(wms.url, tmp_path)
    assert code == 0, output
    (failed,) = wms.updates("failed")
    assert failed["pilot_error_diag"] == "stopped: the WMS wants it no more"
    assert not _alive(int(children.read_text())), "the whole process group ends"


def test_it_reports_well_within_the_lease(wms: ScriptedWms, tmp_path: Path) -> None:
    wms.jobs = [job(1, "sleep", pars="1", leaseSeconds=1)]
    run_pilot(wms.url, tmp_path)
    assert len(wms.updates("running")) >= 3


def test_what_a_payload_leaves_behind_is_ended(wms: ScriptedWms, tmp_path: Path) -> None:
    child = tmp_path / "child"
    wms.jobs = [job(1, "sh", pars=f"-c 'sleep 60 & echo $! > {child}'")]
    code, _ = run_pilot(wms.url, tmp_path)
    assert code == 0
    until(lambda: not _alive(int(child.read_text())))


def test_an_outcome_is_reported_with_patience(wms: ScriptedWms, tmp_path: Path) -> None:
    answers: list[Any] = [500, {"success": True, "message": "Timed out", "data": {"StatusCode": 10}}]
    wms.jobs = [job(1, "true", leaseSeconds=1)]
    wms.on_update = lambda body: answers.pop() if body["job_status"] == "finished" and answers else DONE
    code, _ = run_pilot(wms.url, tmp_path)
    assert code == 0
    assert len(wms.updates("finished")) == 3


def test_an_outcome_that_cannot_be_reported(wms: ScriptedWms, tmp_path: Path) -> None:
    wms.jobs = [job(1, "true", leaseSeconds=1)]
    wms.on_update = lambda _: 503
    code, output = run_pilot(wms.url, tmp_path, "--report-limit", "0.5")
    assert code == 81
    assert "could not be reported" in output


def test_an_outcome_that_is_not_wanted_any_more(wms: ScriptedWms, tmp_path: Path) -> None:
    wms.jobs = [job(1, "true")]
    refusal = {"success": False, "message": "given up", "data": {"StatusCode": 0, "command": "tobekilled"}}
    wms.on_update = lambda body: refusal if body["job_status"] == "finished" else DONE
    code, _ = run_pilot(wms.url, tmp_path)
    assert code == 0
    assert len(wms.updates("finished")) == 1


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_returns_its_job(wms: ScriptedWms, tmp_path: Path, python: str, number: int) -> None:
    marker = tmp_path / "marker"
    wms.jobs = [job(1, "sh", pars=f"-c 'echo $$ > {marker}; exec sleep 60'")]
    process = start_pilot(wms.url, tmp_path, python=python)
    until(lambda: marker.exists() and marker.read_text().strip())
    payload = int(marker.read_text())
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 143, output
    (failed,) = wms.updates("failed")
    assert failed["pilot_error_code"] == 1201
    assert failed["pilot_error_diag"] == f"stopped: the pilot got signal {int(number)}"
    assert not _alive(payload)
    assert [path.name for path in tmp_path.iterdir()] == ["marker"]


def test_told_to_end_while_idle(wms: ScriptedWms, tmp_path: Path) -> None:
    process = start_pilot(wms.url, tmp_path, "--idle", "60", "--poll", "30")
    until(lambda: wms.calls)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 143


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_payload_does_not_outlive_a_killed_pilot(wms: ScriptedWms, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    wms.jobs = [job(1, "sh", pars=f"-c 'echo $$ > {marker}; exec sleep 60'")]
    process = start_pilot(wms.url, tmp_path)
    until(lambda: marker.exists() and marker.read_text().strip())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    until(lambda: not _alive(int(marker.read_text())))


def test_a_missing_token_is_told(wms: ScriptedWms, tmp_path: Path) -> None:
    code, output = run_pilot(wms.url, tmp_path, PANDA_AUTH_TOKEN="/nowhere/token")
    assert code == 83
    assert "PANDA_AUTH_TOKEN" in output
    assert wms.calls == []


def test_a_closed_stdout_does_not_stop_it(wms: ScriptedWms, tmp_path: Path) -> None:
    wms.jobs = [job(1, "true")]
    process = start_pilot(wms.url, tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    assert len(wms.updates("finished")) == 1
