"""Values that everyone speaks in.  No I/O, no clock, no dependency beside the standard library."""

from autopyfactory.model.counts import JobCounts, PilotCounts
from autopyfactory.model.decision import Decision, Reason
from autopyfactory.model.fate import Fate
from autopyfactory.model.names import (
    TAG_PATTERN,
    BatchId,
    FactoryId,
    PilotId,
    PilotIds,
    QueueName,
    WmsQueue,
    log_folder,
    planned_at,
)
from autopyfactory.model.notice import (
    ChannelRecord,
    HostTally,
    Notice,
    NoticeKind,
    NoticeLook,
    Severity,
)
from autopyfactory.model.operate import ApiToken, AuditEntry, Override, OverrideKind, Retirement, Scope
from autopyfactory.model.pilot import (
    BatchStatus,
    EndCause,
    Ending,
    Pilot,
    PilotSpec,
    SubmitResult,
    Transition,
)
from autopyfactory.model.queue import History, Outcome, QueueState
from autopyfactory.model.records import CycleRecord, EndpointHealth, InputAge
from autopyfactory.model.reports import PilotReport
from autopyfactory.model.states import PilotState, Report, SiteStatus
from autopyfactory.model.token import TokenClaims, TokenExpired, TokenInvalid

__all__ = [
    "TAG_PATTERN",
    "ApiToken",
    "AuditEntry",
    "BatchId",
    "BatchStatus",
    "ChannelRecord",
    "CycleRecord",
    "Decision",
    "EndCause",
    "Ending",
    "EndpointHealth",
    "FactoryId",
    "Fate",
    "History",
    "HostTally",
    "InputAge",
    "JobCounts",
    "Notice",
    "NoticeKind",
    "NoticeLook",
    "Outcome",
    "Override",
    "OverrideKind",
    "Pilot",
    "PilotCounts",
    "PilotId",
    "PilotIds",
    "PilotReport",
    "PilotSpec",
    "PilotState",
    "QueueName",
    "QueueState",
    "Reason",
    "Report",
    "Retirement",
    "Scope",
    "Severity",
    "SiteStatus",
    "SubmitResult",
    "TokenClaims",
    "TokenExpired",
    "TokenInvalid",
    "Transition",
    "WmsQueue",
    "log_folder",
    "planned_at",
]
