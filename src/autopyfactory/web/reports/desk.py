"""A call with reports, from the token to the answer; the framework is not needed for it."""

import re

from starlette.responses import Response

from autopyfactory.model import (
    TAG_PATTERN,
    PilotId,
    Scope,
    TokenClaims,
    TokenExpired,
    TokenInvalid,
    token,
)
from autopyfactory.web.access import Caller
from autopyfactory.web.context import WebContext
from autopyfactory.web.limits import Limiter
from autopyfactory.web.problems import Problem, unauthorized
from autopyfactory.web.reports.intake import Intake, IntakeFull
from autopyfactory.web.reports.shapes import parsed

PER_PILOT_S, PILOT_BURST = 5.0, 100
_RETRY_S = 5
_PILOT = re.compile(TAG_PATTERN)


class ReportDesk:
    """Takes the calls of pilots and of those who report for them."""

    def __init__(self, context: WebContext, intake: Intake, limiter: Limiter) -> None:
        self._context = context
        self._intake = intake
        self._limiter = limiter
        self._per_pilot = Limiter(context.clock, PER_PILOT_S, PILOT_BURST)

    async def answer(self, caller: Caller, pilot: str, authorization: str, body: bytes) -> Response:
        """Return what to answer once the reports are kept.

        Raises `Problem`, `StoreUnavailable` and `StoreRefused`; nothing of the call is kept then.
        """
        name = self._named(caller, pilot, authorization)
        self._per_pilot.charge(name)
        reports = parsed(body, name, self._context.clock.now())
        try:
            known = await self._intake.add(reports)
        except IntakeFull as error:
            raise Problem(503, str(error), headers={"retry-after": str(_RETRY_S)}) from error
        if not known:
            raise Problem(404, f"pilot {name} is not known")
        return Response(b'{"accepted":%d}' % len(reports), 202, media_type="application/json")

    def _named(self, caller: Caller, pilot: str, authorization: str) -> PilotId:
        """Return the pilot that the caller may report for; raises `Problem` 401, 403 or 404."""
        if caller.name:
            if Scope.REPORT not in caller.scopes:
                raise Problem(403, "this token may not report: it needs the scope report")
            if not _PILOT.fullmatch(pilot):
                raise Problem(404, "that is no pilot's id")
            return PilotId(pilot)
        try:
            claims = self._claims(authorization)
            if claims.factory != self._context.config.factory_id or claims.pilot != pilot:
                raise Problem(403, "this token is another pilot's")
        except Problem:
            self._limiter.charge(f"reports {caller.origin}")
            raise
        return claims.pilot

    def _claims(self, authorization: str) -> TokenClaims:
        """Return what a pilot's token says, once it is found good; raises `Problem` 401."""
        kind, _, text = authorization.partition(" ")
        if kind.lower() != "bearer" or not text:
            raise unauthorized("expected Authorization: Bearer TOKEN, with the pilot's token")
        try:
            return token.verify(self._context.report_key, text.strip(), self._context.clock.now())
        except TokenExpired as error:
            raise unauthorized("the pilot's token has expired") from error
        except TokenInvalid as error:
            raise unauthorized("this is no token of a pilot of this factory") from error
