"""The source ``command``: one fixed command, again and again if wanted."""

import os
from typing import Dict, List, Optional

from autopyfactory.wrapper.payload import Command
from autopyfactory.wrapper.sources.source import Source, Work


class FixedWork(Work):
    """One run of the command."""

    def __init__(
        self, name: str, words: List[str], environment: Dict[bytes, bytes], vmem_kb: Optional[int]
    ) -> None:
        self.name = name
        self._command = Command([os.fsencode(word) for word in words], environment, vmem_kb)

    def prepare(self, directory: str) -> Command:
        """Return the command: it brings no files."""
        return self._command


class CommandSource(Source):
    """Hands out the command as often as it is asked."""

    own_exit_code = True

    def __init__(self, words: List[str], environment: Dict[bytes, bytes], vmem_kb: Optional[int]) -> None:
        self._words = words
        self._environment = environment
        self._vmem_kb = vmem_kb
        self._runs = 0

    def next(self) -> Optional[Work]:
        """Return the next run."""
        self._runs += 1
        return FixedWork("command-%d" % self._runs, self._words, self._environment, self._vmem_kb)
