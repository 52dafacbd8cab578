"""Mail, chat, SMS, webhooks and more than a hundred other ways, through the library apprise."""

import asyncio
from types import ModuleType
from typing import TYPE_CHECKING

from pydantic import ConfigDict, Field, SecretStr, field_validator

from autopyfactory.api import Context, NotifyFailed, Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apprise import Apprise

_MISSING = "the library apprise is not installed: pip install 'autopyfactory[notify]'"


class AppriseSettings(Settings):
    """Settings of ``plugin = "apprise"``."""

    # a URL holds passwords: pydantic must not quote it
    model_config = ConfigDict(hide_input_in_errors=True)

    urls: tuple[SecretStr, ...] = Field(min_length=1)
    """Apprise URLs, for example ``mailto://localhost?from=apf@example.org&to=ops@example.org``."""
    timeout_s: float = Field(default=30, gt=0)
    """A service that takes longer counts as failed."""

    @field_validator("urls")
    @classmethod
    def _usable(cls, urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        """Refuse what apprise cannot use, without telling it."""
        bad = [i for i, url in enumerate(urls) if not _library().services(url.get_secret_value(), 1)]
        if bad:
            places = ", ".join(f"number {i + 1}" for i in bad)
            raise ValueError(f"apprise cannot use the URL {places}; `apprise --dry-run -vvv URL` tells why")
        return urls


class AppriseNotifier:
    """Sends a message to every recipient of every URL, all at the same time."""

    Settings = AppriseSettings

    def __init__(self, settings: AppriseSettings, context: Context) -> None:
        """Connect to nothing yet."""
        library = _library()
        self._send: Callable[[Apprise, str, str], Awaitable[str]] = library.send
        self._services: list[Apprise] = [
            service
            for url in settings.urls
            for service in library.services(url.get_secret_value(), settings.timeout_s)
        ]
        self._message = ("", "")
        self._reached: set[int] = set()
        """Who has ``_message`` already, by index."""

    async def send(self, title: str, body: str) -> None:
        """Tell everyone; raises `NotifyFailed` with the reasons of those that were not reached.

        The message that failed last is remembered, so that only they are tried when it is sent again.
        """
        if self._message != (title, body):
            self._message, self._reached = (title, body), set()
        missing = [i for i in range(len(self._services)) if i not in self._reached]
        reasons = await asyncio.gather(*(self._tell(i, title, body) for i in missing))
        if failed := [why for why in reasons if why]:
            raise NotifyFailed("; ".join(dict.fromkeys(failed)), partly=bool(self._reached))
        self._message, self._reached = ("", ""), set()

    async def close(self) -> None:
        """Do nothing: no connection outlives a message."""

    async def _tell(self, i: int, title: str, body: str) -> str:
        """Send to one of them; return why it was not sent, or an empty text."""
        why = await self._send(self._services[i], title, body)
        if not why:
            self._reached.add(i)
        return why


def _library() -> ModuleType:
    try:
        from autopyfactory.notify import apprise_services
    except ModuleNotFoundError as error:
        raise ValueError(_MISSING) from error
    return apprise_services
