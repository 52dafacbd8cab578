"""The built-in workload queue; speaks a subset of the PanDA API v1."""

from autopyfactory.board.app import create_app
from autopyfactory.board.client import BoardClient, BoardRefused
from autopyfactory.board.jobs import InputFile, JobInfo, JobSpec, JobState, JobStatus
from autopyfactory.serving import serve

__all__ = [
    "BoardClient",
    "BoardRefused",
    "InputFile",
    "JobInfo",
    "JobSpec",
    "JobState",
    "JobStatus",
    "create_app",
    "serve",
]
