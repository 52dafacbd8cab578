"""Files that hold credentials."""

import asyncio
import logging
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from autopyfactory.expiry.certificate import certificate_end
from autopyfactory.expiry.token import tokens_end

logger = logging.getLogger(__name__)

_MAX_BYTES = 1 << 20
_PASSED_OVER = re.compile(r"[.#].*|.*(~|\.(pl|py|sh|rpmsave|rpmnew|dpkg-old|dpkg-dist|cfsaved))")
"""Files of a token directory that HTCondor passes over (``LOCAL_CONFIG_DIR_EXCLUDE_REGEXP``, by default)."""


class CredentialFiles:
    """Tells when the credentials in some files end; keeps the contract `autopyfactory.api.Perishable`."""

    def __init__(
        self,
        *,
        certificates: Iterable[Path] = (),
        tokens: Iterable[Path] = (),
        token_dirs: Iterable[Path] = (),
    ) -> None:
        """``certificates``: PEM files, see `certificate_end`; ``tokens``: see `tokens_end`."""
        self._certificates = tuple(certificates)
        self._tokens = tuple(tokens)
        self._token_dirs = tuple(token_dirs)
        self._troubles: dict[Path, str] = {}
        self._reading: asyncio.Task[dict[str, datetime]] | None = None

    async def credential_ends(self) -> dict[str, datetime]:
        """Return when each file's credential ends, in UTC, by the file's path.

        Not in it: what never ends, and what cannot be read, which is logged once.  Where a file system hangs,
        whoever asks again waits for the same answer, so that it takes no more than one thread.
        """
        if not (self._certificates or self._tokens or self._token_dirs):
            return {}
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(asyncio.to_thread(self._read))
        return await asyncio.shield(self._reading)

    def _read(self) -> dict[str, datetime]:
        ends: dict[str, datetime] = {}
        troubles: dict[Path, str] = {}
        for file in self._certificates:
            try:
                ends[str(file)] = certificate_end(_beginning(file))
            except (OSError, ValueError) as error:
                troubles[file] = str(error)
        for file in self._token_files(troubles):
            try:
                end = tokens_end(_beginning(file).decode(errors="replace"))
            except (OSError, ValueError) as error:
                troubles[file] = str(error)
                continue
            if end is not None:
                ends[str(file)] = end
        for file, trouble in troubles.items() - self._troubles.items():
            logger.warning("when the credential %s ends cannot be told: %s", file, trouble)
        self._troubles = troubles
        return ends

    def _token_files(self, troubles: dict[Path, str]) -> Iterator[Path]:
        yield from self._tokens
        for folder in self._token_dirs:
            try:
                files = sorted(folder.iterdir())
            except OSError as error:
                troubles[folder] = str(error)
                continue
            yield from (file for file in files if file.is_file() and not _PASSED_OVER.fullmatch(file.name))


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_MAX_BYTES)
