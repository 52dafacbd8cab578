"""A factory's store as it looks in operation, made without one: a day of cycles, pilots of all fates."""

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from autopyfactory.api import WebStore
from autopyfactory.config import load
from autopyfactory.model import (
    ApiToken,
    AuditEntry,
    BatchId,
    CycleRecord,
    Decision,
    EndCause,
    EndpointHealth,
    InputAge,
    JobCounts,
    Override,
    OverrideKind,
    Pilot,
    PilotCounts,
    PilotId,
    PilotIds,
    PilotReport,
    PilotState,
    QueueName,
    QueueState,
    Report,
    Scope,
    SiteStatus,
    Transition,
)
from autopyfactory.store import open_store
from autopyfactory.web import digest, new_token

STEP = timedelta(minutes=5)
STEPS = 288
SITES = (
    "AGLT2_MCORE", "BNL_ATLAS_1", "CERN-PROD_MCORE", "DESY-HH", "FZK-LCG2_HIMEM", "IN2P3-CC", "INFN-T1",
    "MWT2_SL7", "NIKHEF-ELPROD", "RAL-LCG2_MCORE", "SWT2_CPB", "TRIUMF_GPU", "ce.example.org:9619/condor",
)  # fmt: skip
BUSY = QueueName("BNL_ATLAS_1")
DRAINED = QueueName("DESY-HH")
BREAKER = QueueName("SWT2_CPB")
OFFLINE = QueueName("IN2P3-CC")
BLIND = QueueName("INFN-T1")
HOLE = "wn0666.swt2.example.org"

CONFIG = """
[factory]
id = "bnl-gridui11"
max_per_factory = 20000

[web]
port = 0

[wms.panda]
plugin = "board"
url = "http://127.0.0.1:9"

[batch.schedd]
plugin = "local"
max_pilots = 15000

[profiles.all]
wms = "panda"
batch = "schedd"
sched = [
    "ready", {scale = {factor = 0.5}}, "breaker",
    {max_per_cycle = {maximum = 50}}, {max_pending = {maximum = 100}},
]
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """What was made."""

    config: Path
    token: str
    """May operate."""
    pilot: PilotId
    """One whose wrapper reported all it can."""


async def set_stage(folder: Path, now: datetime, seed: int = 1) -> Stage:
    """Write a configuration, and fill its store so that ``now`` is the present."""
    file = folder / "apf.toml"
    queues = "".join(f'\n[queues."{name}"]\nextends = "all"\n' for name in SITES)
    file.write_text(CONFIG + queues)
    config = load([file], {})
    store = await open_store(config.factory.store.get_secret_value(), config.factory_id)
    try:
        random = Random(seed)
        ids = PilotIds(random.getrandbits)
        for index, name in enumerate(SITES):
            await _day(store, QueueName(name), index, now, random, ids)
        pilot = await _reporting_pilot(store, now, ids)
        await store.save_health(
            [
                EndpointHealth("wms.panda", now - timedelta(seconds=40)),
                EndpointHealth("batch.schedd", now - timedelta(seconds=25)),
                EndpointHealth("batch.schedd.submit", now - timedelta(minutes=4)),
            ]
        )
        entry = AuditEntry(now, "ann", "drain", DRAINED, "storage moves")
        held = Override(DRAINED, OverrideKind.DRAINED, "ann", now - timedelta(hours=3), "storage moves")
        await store.set_override(DRAINED, held, entry)
        secret = new_token()
        made = ApiToken("stage", "ann", digest(secret), frozenset({Scope.OPERATE}), now - timedelta(days=1))
        await store.add_token(made, AuditEntry(now, "root", "token.create", "stage"))
    finally:
        await store.close()
    return Stage(file, secret, pilot)


async def _day(
    store: WebStore, name: QueueName, index: int, now: datetime, random: Random, ids: PilotIds
) -> None:
    size = 40 + 37 * (index * 5 % 13)
    for n in range(STEPS):
        at = now - (STEPS - 1 - n) * STEP - timedelta(seconds=11 + index)
        wave = 0.62 + 0.38 * math.sin(2 * math.pi * (n / STEPS + index / 9)) + random.uniform(-0.04, 0.04)
        running = int(size * max(0.05, wave))
        waiting = 2 if name == BREAKER else int(size * 0.12 * random.uniform(0.5, 1.3))
        ready = None if name == BLIND and n > STEPS - 14 else int(size * 0.5 * max(0.1, 1.1 - wave))
        await store.plan(_cycle(name, at, ready, waiting, running, random), [], "schedd")
    await _pilots(store, name, size, now, random, ids)


def _cycle(
    name: QueueName, at: datetime, ready: int | None, waiting: int, running: int, random: Random
) -> CycleRecord:
    site = SiteStatus.OFFLINE if name == OFFLINE else SiteStatus.ONLINE
    jobs = JobCounts(ready=ready, running=running) if ready is not None else JobCounts()
    error = "" if ready is not None else "no answer within 300 s"
    inputs = (
        InputAge("wms.panda", 42.0 if not error else 1260.0, error),
        InputAge("batch.schedd", random.randint(5, 60)),
    )
    counts = PilotCounts(pending=waiting, running=running)
    decision = Decision().under("ready")
    if ready is None:
        decision = decision.block("ready jobs are unknown: no answer within 300 s")
    else:
        decision = decision.then(max(0, ready - waiting), f"{ready} ready, {waiting} pilots wait for them")
    if site is SiteStatus.OFFLINE:
        decision = decision.under("status_offline").block("the site is offline")
    decision = decision.under("scale").then(decision.number // 2, "a half")
    told = "breaker closed: 2 of 61 pilots failed or ended within 30 s"
    if name == BREAKER:
        decision = decision.under("breaker").then(
            0, "breaker open since 09:41: 31 of 44 pilots failed or ended within 30 s", state="open"
        )
    else:
        decision = decision.under("breaker").then(decision.number, told, state="closed")
    decision = decision.under("max_per_cycle").then(min(decision.number, 50), "at most 50 in one cycle")
    decision = decision.under("max_pending").then(
        min(decision.number, max(0, 100 - waiting)), f"{waiting} of 100 already wait"
    )
    state = QueueState(name, at, jobs, counts, site)
    if name == DRAINED:
        return CycleRecord(state, inputs, decision, note="drained by ann: storage moves")
    return CycleRecord(state, inputs, decision, planned=decision.submit)


async def _pilots(
    store: WebStore, name: QueueName, size: int, now: datetime, random: Random, ids: PilotIds
) -> None:
    planned = now - timedelta(hours=7)
    made = ids.make(planned, size)
    await store.adopt([Pilot(pilot, name, "schedd", PilotState.PLANNED, planned, planned) for pilot in made])
    short = name.split("_")[0].split(".")[0].lower()
    hosts = [f"wn{100 + n:04d}.{short}.example.org" for n in range(max(3, size // 16))]
    changes = []
    for n, pilot in enumerate(made):
        host = HOLE if name == BREAKER and n % 2 else random.choice(hosts)
        ended = now - timedelta(seconds=random.randint(60, 20_000))
        running = Transition(
            pilot, ended - timedelta(seconds=600), PilotState.RUNNING, host=host, batch_id=BatchId(f"88{n}.0")
        )
        changes.append(running)
        if n % 3 == 0 and host != HOLE:
            changes.append(Transition(pilot, ended, PilotState.PENDING) if n % 4 == 0 else running)
            continue
        changes.append(_end(pilot, ended, host, random))
    await store.record(changes)


def _end(pilot: PilotId, at: datetime, host: str, random: Random) -> Transition:
    if host == HOLE:
        reason = "exit code 84: a required validation step failed"
        return Transition(
            pilot, at, PilotState.FAILED, reason, cause=EndCause.EXIT, exit_code=84, wall_s=12.0
        )
    draw = random.random()
    if draw < 0.03:
        reason = "killed by the batch system: memory 17.1 GB above 16 GB"
        return Transition(
            pilot, at, PilotState.FAILED, reason, cause=EndCause.SIGNAL, signal=9, wall_s=5000.0
        )
    if draw < 0.05:
        return Transition(pilot, at, PilotState.LOST, "no longer listed anywhere", cause=EndCause.VANISHED)
    empty = draw < 0.12
    code = 80 if empty else 0
    return Transition(
        pilot, at, PilotState.DONE, cause=EndCause.EXIT, exit_code=code, wall_s=600.0, empty=empty
    )


async def _reporting_pilot(store: WebStore, now: datetime, ids: PilotIds) -> PilotId:
    planned, start = now - timedelta(hours=2), now - timedelta(hours=1, minutes=48)
    (pilot,) = ids.make(planned, 1)
    await store.adopt([Pilot(pilot, BUSY, "schedd", PilotState.PLANNED, planned, planned)])
    await store.record(
        [
            Transition(pilot, planned + timedelta(seconds=3), PilotState.PENDING,
                       "accepted", batch_id=BatchId("8841.0")),
            Transition(pilot, start, PilotState.RUNNING, host="wn0107.bnl.example.org", started_at=start),
        ]
    )  # fmt: skip
    steps = [
        ("clock", True, True, "0.2 s off"),
        ("disk", True, True, "211 GB free, 20 GB asked for"),
        ("cvmfs atlas.cern.ch", True, True, "revision 131,455"),
        ("container", True, True, "apptainer 1.4.1"),
        ("gpu", False, False, "none is present"),
    ]
    validation = [{"step": s, "required": r, "ok": ok, "seconds": 0.2, "message": m} for s, r, ok, m in steps]
    profile = {
        "os": "AlmaLinux 9.6", "kernel": "5.14.0-570", "machine": "x86_64", "python": "3.9.21",
        "cpu": {"model": "AMD EPYC 9554 64-Core Processor", "cores": 128, "usable": 8, "sockets": 1},
        "memory_mb": {"total": 773_512, "available": 402_220}, "benchmark": {"db12": 31.7},
    }  # fmt: skip
    taken = {"payload": "6712", "attempt": 1, "status": "running"}
    told = [
        (Report.STARTED, 2, "wrapper 3.0", {}),
        (Report.VALIDATED, 9, "5 validation steps", {"validation": validation, "profile": profile}),
        (Report.PAYLOAD, 14, "started", taken),
        (Report.PAYLOAD, 2450, "exit code 0", {**taken, "status": "finished", "exit_code": 0}),
        (Report.PAYLOAD, 2456, "started", {"payload": "6719", "attempt": 2, "status": "running"}),
    ]  # fmt: skip
    await store.add_reports(
        [
            PilotReport(
                pilot, seq, start + timedelta(seconds=after), state, now, "wn0107", text, json.dumps(data)
            )
            for seq, (state, after, text, data) in enumerate(told)
        ]
    )
    return pilot
