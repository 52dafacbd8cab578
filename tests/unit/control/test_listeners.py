"""Listeners are told of cycles and of pilots once; what they do wrong harms nobody."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from autopyfactory.control.listeners import Listeners
from autopyfactory.model import (
    BatchId,
    CycleRecord,
    Decision,
    Pilot,
    PilotId,
    PilotState,
    QueueName,
    QueueState,
    Transition,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AGLT2, BNL = QueueName("AGLT2"), QueueName("BNL")


class Note:
    def __init__(self) -> None:
        self.told: list[object] = []

    def cycle(self, record: CycleRecord) -> None:
        self.told.append(record)

    def submitted(self, queue: QueueName, pilots: Mapping[PilotId, BatchId]) -> None:
        self.told.append((queue, dict(pilots)))


class Broken(Note):
    def cycle(self, record: CycleRecord) -> None:
        raise RuntimeError("cycle")

    def submitted(self, queue: QueueName, pilots: Mapping[PilotId, BatchId]) -> None:
        raise RuntimeError("submitted")


def a_pilot(name: str, queue: QueueName, batch_id: str | None = None) -> Pilot:
    return Pilot(
        PilotId(name), queue, "schedd", PilotState.PLANNED, NOW, NOW, BatchId(batch_id) if batch_id else None
    )


def to(name: str, batch_id: str | None, state: PilotState = PilotState.PENDING) -> Transition:
    return Transition(PilotId(name), NOW, state, batch_id=BatchId(batch_id) if batch_id else None)


def test_only_pilots_that_get_their_batch_id_now_are_told() -> None:
    note = Note()
    pilots = [a_pilot("a", AGLT2), a_pilot("b", BNL), a_pilot("c", AGLT2, "1.2"), a_pilot("d", AGLT2)]
    live = {pilot.id: pilot for pilot in pilots}
    changes = [to("a", "1.0"), to("b", "1.1"), to("c", "1.2", PilotState.RUNNING), to("d", None)]
    Listeners([note]).submitted(live, changes)
    assert note.told == [(AGLT2, {"a": "1.0"}), (BNL, {"b": "1.1"})]


def test_a_listener_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    note = Note()
    listeners = Listeners([Broken(), note])
    record = CycleRecord(QueueState(AGLT2, NOW), (), Decision())
    with caplog.at_level(logging.ERROR):
        listeners.cycle(record)
        listeners.submitted({PilotId("a"): a_pilot("a", AGLT2)}, [to("a", "1.0")])
    assert note.told == [record, (AGLT2, {"a": "1.0"})]
    assert [entry.message for entry in caplog.records] == ["a listener failed unexpectedly"] * 2
