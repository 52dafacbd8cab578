"""What is wrong, and whether operators can be told of it."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter

from autopyfactory.model import NoticeKind, Severity
from autopyfactory.web.api.schemas import View
from autopyfactory.web.context import WebContext


class NoticeView(View):
    """One thing that is wrong."""

    key: str
    """The same for as long as it lasts."""
    kind: NoticeKind
    severity: Severity
    scope: str
    """``wms.NAME``, ``batch.NAME``, ``batch.NAME.submit``, ``queue.NAME``, ``host.NAME`` or ``store``."""
    text: str
    since: datetime


class ChannelView(View):
    """One ``[notify.NAME]``."""

    name: str
    trouble: str
    """Why its last message did not get through; empty where all is well."""


class Notices(View):
    """What is wrong, as it was last seen."""

    looked_at: datetime | None
    """Null: nobody has looked yet."""
    items: Sequence[NoticeView]
    channels: Sequence[ChannelView]


def routes(context: WebContext) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["factory"])
    store = context.reading

    @router.get("/notices")
    async def notices() -> Notices:
        """List what was wrong when the factory last looked, oldest first."""
        look = await store.notice_look()
        return Notices(
            looked_at=look.at,
            items=[NoticeView.model_validate(notice) for notice in look.notices],
            channels=[
                ChannelView(name=name, trouble=channel.trouble) for name, channel in look.channels.items()
            ],
        )

    return router
