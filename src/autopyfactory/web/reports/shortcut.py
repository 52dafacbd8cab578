"""Takes reports past the framework: they are most of all calls, and its ways cost more than their work."""

from autopyfactory.api import StoreRefused, StoreUnavailable
from autopyfactory.serving import App, Message, Receive, Send
from autopyfactory.web.gate import header, reporting_pilot
from autopyfactory.web.problems import Problem, store_away
from autopyfactory.web.reports.desk import ReportDesk


class Shortcut:
    """ASGI middleware, right behind `Gate`, which has found out who calls and has read the body."""

    def __init__(self, app: App, desk: ReportDesk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer calls with reports; pass on all others."""
        pilot = reporting_pilot(scope)
        if pilot is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await self._desk.answer(
                # the gate has read the body: it comes in one piece
                scope["state"]["caller"],
                pilot,
                header(scope, b"authorization"),
                (await receive())["body"],
            )
        except Problem as problem:
            response = problem.response()
        except (StoreUnavailable, StoreRefused) as error:
            response = store_away(error).response()
        await response(scope, receive, send)
