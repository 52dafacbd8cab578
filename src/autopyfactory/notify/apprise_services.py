"""The library apprise: URLs become services, and each takes one message to one recipient.

Imported on first use only: the library is an extra.
"""

import logging
from collections.abc import Iterator

from apprise import Apprise, AppriseAsset, NotifyFormat
from apprise.plugins import url_to_dict
from apprise.plugins.email.base import NotifyEmail
from apprise.result import AppriseResult, AppriseResultStatus
from apprise.utils.parse import parse_emails

# It tells each failure in its result; what it logs beside that may hold a URL with its password
_LOG = logging.getLogger("apprise")
_LOG.propagate = False
_LOG.setLevel(logging.DEBUG)  # it tells what a mail server answered on this level only
_ANSWER = "Socket Exception: "
_TOLD = ("WARNING", "ERROR", "CRITICAL")

_MAIL = (NotifyEmail.protocol, NotifyEmail.secure_protocol)


def services(url: str, timeout_s: float) -> list[Apprise]:
    """Return a service for each recipient of a URL; none where apprise cannot use the URL.

    One each: where one address is refused, the others are not sent the message again.
    """
    asset = AppriseAsset(
        app_id="AutoPyFactory",
        app_desc="AutoPyFactory",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        service_timeout=timeout_s,
        pgp_autogen=False,
        pem_autogen=False,
    )
    found = []
    for parts in _recipients(url):
        service = Apprise.instantiate(parts, asset=asset)
        if service is None:
            return []
        if isinstance(service, NotifyEmail):
            if not service.targets:
                return []
            # Seconds between two mails, by default; a site's own mail server needs no such rest
            service.request_rate_per_sec = 0
        found.append(Apprise(service, asset=asset))
    return found


async def send(service: Apprise, title: str, body: str) -> str:
    """Send a message in a thread of apprise's own; return why it was not sent, or an empty text."""
    result = await service.async_notify(
        body=body, title=title, body_format=NotifyFormat.TEXT, log_level=logging.DEBUG
    )
    # of other services such an exception holds the URL, with what is secret in it
    answers = (_ANSWER,) if isinstance(service[0], NotifyEmail) else ()
    return "" if result else _why(result, answers)


def _recipients(url: str) -> Iterator[dict[str, object]]:
    parts: dict[str, object] | None = url_to_dict(url)  # type: ignore[no-untyped-call]
    if parts is None:
        return
    targets = parts.get("targets")
    if parts["schema"] in _MAIL:
        targets = parse_emails(targets)  # type: ignore[no-untyped-call]  # one of them may hold several
    if not isinstance(targets, list) or not targets:
        yield parts
        return
    for target in targets:
        yield {**parts, "targets": [target]}


def _why(result: AppriseResult, answers: tuple[str, ...]) -> str:
    said = dict.fromkeys(
        entry.message.removeprefix(_ANSWER).rstrip(".")
        for entry in result.logs()
        if entry.level in _TOLD or entry.message.startswith(answers)
    )
    if said:
        return "; ".join(said)
    late = result.status is AppriseResultStatus.TIMEOUT
    return "no answer in time" if late else "not sent, and apprise gives no reason"
