"""What the files of local pilots hold, as values and as JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autopyfactory.model import EndCause, Ending, FactoryId, PilotId, PilotSpec, QueueName


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission; its pilots start in this order."""

    factory: FactoryId
    spec: PilotSpec
    pilots: tuple[PilotId, ...]
    submitted_s: float
    """Since 1970, by the factory's clock."""

    def encode(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        spec = self.spec
        return {
            "factory": self.factory,
            "pilots": list(self.pilots),
            "submitted_s": self.submitted_s,
            "queue": spec.queue,
            "executable": str(spec.executable),
            "arguments": list(spec.arguments),
            "environment": dict(spec.environment),
            "inputs": [str(path) for path in spec.inputs],
            "cores": spec.cores,
            "memory_mb": spec.memory_mb,
            "walltime_s": spec.walltime_s,
            "log_dir": str(spec.log_dir),
            "log_url": spec.log_url,
            "report_url": spec.report_url,
            "report_key": spec.report_key.hex() if spec.report_key else None,
        }

    @classmethod
    def decode(cls, told: dict[str, Any]) -> "Submission":
        """Return what `encode` was given; `PilotSpec` fields that mean nothing here have their defaults."""
        spec = PilotSpec(
            queue=QueueName(told["queue"]),
            executable=Path(told["executable"]),
            arguments=tuple(told["arguments"]),
            environment=told["environment"],
            inputs=tuple(Path(path) for path in told["inputs"]),
            cores=told["cores"],
            memory_mb=told["memory_mb"],
            walltime_s=told["walltime_s"],
            log_dir=Path(told["log_dir"]),
            log_url=told["log_url"],
            # submissions of earlier versions have neither
            report_url=told.get("report_url", ""),
            report_key=bytes.fromhex(key) if (key := told.get("report_key")) else None,
        )
        pilots = tuple(PilotId(pilot) for pilot in told["pilots"])
        return cls(FactoryId(told["factory"]), spec, pilots, told["submitted_s"])


def encode_ending(ending: Ending) -> dict[str, Any]:
    """Return an ending as JSON knows it."""
    return {
        "cause": ending.cause,
        "exit_code": ending.exit_code,
        "signal": ending.signal,
        "started_at": ending.started_at.isoformat() if ending.started_at else None,
        "ended_at": ending.ended_at.isoformat() if ending.ended_at else None,
        "wall_s": ending.wall_s,
        "host": ending.host,
        "reason": ending.reason,
    }


def decode_ending(told: dict[str, Any]) -> Ending:
    """Return what `encode_ending` was given."""
    started, ended = told["started_at"], told["ended_at"]
    return Ending(
        cause=EndCause(told["cause"]),
        exit_code=told["exit_code"],
        signal=told["signal"],
        started_at=datetime.fromisoformat(started) if started else None,
        ended_at=datetime.fromisoformat(ended) if ended else None,
        wall_s=told["wall_s"],
        host=told["host"],
        reason=told["reason"],
    )


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)
