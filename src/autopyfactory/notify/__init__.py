"""Notices to operators: what is told, when, to whom, and how it gets there."""

from autopyfactory.notify.channel import Channel
from autopyfactory.notify.conditions import black_holes, expiring, failing, starving, store_trouble
from autopyfactory.notify.desk import NoticeDesk
from autopyfactory.notify.message import Message
from autopyfactory.notify.outbox import Letter, Outbox

__all__ = [
    "Channel",
    "Letter",
    "Message",
    "NoticeDesk",
    "Outbox",
    "black_holes",
    "expiring",
    "failing",
    "starving",
    "store_trouble",
]
