"""Notices to operators: what is told, when, to whom, and how it gets there."""

from autopyfactory.notify.channel import Channel
from autopyfactory.notify.conditions import (
    HOLE_WINDOW,
    Dry,
    black_holes,
    dry,
    expiring,
    failing,
    long_dry,
    starving,
    store_trouble,
    tripped,
)
from autopyfactory.notify.desk import NoticeDesk
from autopyfactory.notify.message import Message
from autopyfactory.notify.outbox import Letter, Outbox

__all__ = [
    "HOLE_WINDOW",
    "Channel",
    "Dry",
    "Letter",
    "Message",
    "NoticeDesk",
    "Outbox",
    "black_holes",
    "dry",
    "expiring",
    "failing",
    "long_dry",
    "starving",
    "store_trouble",
    "tripped",
]
