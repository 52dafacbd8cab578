"""When the credentials end that a factory works with, as far as anybody can tell."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from autopyfactory.api import AutoPyFactoryError, Perishable
from autopyfactory.config import WebSettings
from autopyfactory.control.boundary import ask
from autopyfactory.expiry import CredentialFiles

logger = logging.getLogger(__name__)

_ASK_S = 10.0
"""Whoever takes longer says nothing at this look."""


class CredentialEnds:
    """Asks plugins and looks at the web's certificate; what is not told stays as it was told last."""

    def __init__(self, web: Callable[[], WebSettings], systems: Callable[[], Mapping[str, object]]) -> None:
        """``web``: the settings in force; ``systems``: the plugins at work, by label."""
        self._web_in_force = web
        self._systems = systems
        self._web: tuple[WebSettings, dict[str, Perishable]] | None = None
        self._told: dict[str, Mapping[str, datetime]] = {}
        self._troubles: dict[str, str] = {}

    async def known(self) -> dict[str, datetime]:
        """Return the end of each credential, in UTC, by its name."""
        sources = {**self._of_web(), **perishables(self._systems())}
        told = await asyncio.gather(*(self._ask(label, source) for label, source in sources.items()))
        self._told = dict(zip(sources, told, strict=True))
        return {name: end for ends in told for name, end in ends.items()}

    async def _ask(self, label: str, source: Perishable) -> Mapping[str, datetime]:
        try:
            ends = await ends_of(label, source, _ASK_S)
        except AutoPyFactoryError as error:
            if self._troubles.get(label) != str(error):
                logger.warning("when credentials end is not known: %s", error, extra={"endpoint": label})
            self._troubles[label] = str(error)
            return self._told.get(label, {})
        self._troubles.pop(label, None)
        return ends

    def _of_web(self) -> dict[str, Perishable]:
        settings = self._web_in_force()
        if self._web is None or self._web[0] != settings:
            self._web = settings, web_perishables(settings)
        return self._web[1]


def perishables(systems: Mapping[str, object]) -> dict[str, Perishable]:
    """Return those of the plugins that know when their credentials end."""
    return {label: system for label, system in systems.items() if isinstance(system, Perishable)}


def web_perishables(settings: WebSettings) -> dict[str, Perishable]:
    """Return what knows when the web's certificate ends, whoever serves with it; nothing without TLS."""
    certificate = settings.tls_certificate
    return {} if certificate is None else {"web": CredentialFiles(certificates=[certificate])}


async def ends_of(label: str, source: Perishable, timeout_s: float) -> dict[str, datetime]:
    """Return the ends that one of them tells, in UTC; raises `AutoPyFactoryError` and nothing else."""

    async def told() -> dict[str, datetime]:
        return {str(name): _utc(end) for name, end in (await source.credential_ends()).items()}

    return await ask(label, told(), timeout_s, AutoPyFactoryError)


def _utc(end: datetime) -> datetime:
    if end.tzinfo is None:
        raise ValueError(f"the end of a credential has no time zone: {end.isoformat()}")
    return end.astimezone(UTC)
