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
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CredentialEnds:
    """Asks plugins and looks at the web's certificate; what is not told stays as it was told last."""

    def __init__(self, web: Callable[[], WebSettings], systems: Callable[[], Mapping[str, object]]) -> None:
        """``web``: the settings in force; ``systems``: the plugins at work, by label."""
        self._web_in_force = web
        self._systems = systems
        self._web: tuple[WebSettings, CredentialFiles] | None = None
        self._told: dict[str, Mapping[str, datetime]] = {}
        self._troubles: dict[str, str] = {}

    async def known(self) -> dict[str, datetime]:
        """Return the end of each credential, in UTC, by its name."""
        systems = self._systems()
        sources = {
            **self._of_web(),
            **{label: system for label, system in systems.items() if isinstance(system, Perishable)},
        }
        told = await asyncio.gather(*(self._ask(label, source) for label, source in sources.items()))
        self._told = dict(zip(sources, told, strict=True))
        return {name: end for ends in told for name, end in ends.items()}

    async def _ask(self, label: str, source: Perishable) -> Mapping[str, datetime]:
        try:
            ends = await ask(label, _told(source), _ASK_S, AutoPyFactoryError)
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
            # whoever serves with it: this factory, or "apf web serve"
            certificate = settings.tls_certificate
            self._web = settings, CredentialFiles(certificates=[certificate] if certificate else [])
        return {"web": self._web[1]}


async def _told(source: Perishable) -> dict[str, datetime]:
    return {str(name): _utc(end) for name, end in (await source.credential_ends()).items()}


def _utc(end: datetime) -> datetime:
    if end.tzinfo is None or end < _EPOCH:
        raise ValueError(f"no credential ends then, or there is no time zone: {end.isoformat()}")
    return end.astimezone(UTC)
