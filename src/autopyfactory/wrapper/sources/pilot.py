"""The source ``pilot``: fetches a pilot, a tarball or a script, and runs it."""

import os
import shutil
import sys
import tarfile
from typing import Dict, List, Optional

from autopyfactory.wrapper.ending import Ending
from autopyfactory.wrapper.errors import BadPayload
from autopyfactory.wrapper.payload import Command
from autopyfactory.wrapper.sources.fetch import fetch
from autopyfactory.wrapper.sources.source import Source, Work
from autopyfactory.wrapper.sources.unpack import unpack
from autopyfactory.wrapper.sources.versions import Version, choose
from autopyfactory.wrapper.talk import info

ENTRY = "pilot.py"


class PilotWork(Work):
    """One run of a fetched pilot."""

    echo = True

    def __init__(
        self, name: str, file: str, words: List[str], environment: Dict[bytes, bytes], vmem_kb: Optional[int]
    ) -> None:
        self.name = name
        self._file = file
        self._words = words
        self._environment = environment
        self._vmem_kb = vmem_kb

    def prepare(self, directory: str) -> Command:
        """Unpack the tarball, or copy the script, into the directory."""
        if tarfile.is_tarfile(self._file):
            unpack(self._file, directory)
            begin = [sys.executable, entry_of(directory)]
        else:
            copy = os.path.join(directory, os.path.basename(self._file))
            shutil.copyfile(self._file, copy)
            os.chmod(copy, 0o755)
            begin = [sys.executable, copy] if copy.endswith(".py") else [copy]
        words = [os.fsencode(word) for word in [*begin, *self._words]]
        return Command(words, self._environment, self._vmem_kb)


def entry_of(directory: str) -> str:
    """Return the program of an unpacked pilot: ``pilot.py``, at the top or one directory below."""
    folders = [directory] + [os.path.join(directory, name) for name in sorted(os.listdir(directory))]
    for folder in folders:
        path = os.path.join(folder, ENTRY)
        if os.path.isfile(path):
            return path
    raise BadPayload("no %s in the tarball, neither at its top nor one directory below" % ENTRY)


class PilotSource(Source):
    """Fetches the pilot when it is first asked for work, and runs the same one from then on."""

    own_exit_code = True

    def __init__(
        self,
        versions: List[Version],
        words: List[str],
        environment: Dict[bytes, bytes],
        ending: Ending,
        vmem_kb: Optional[int] = None,
    ) -> None:
        self._version = choose(versions)
        self._words = words
        self._environment = environment
        self._ending = ending
        self._vmem_kb = vmem_kb
        self._file = ""
        self._runs = 0

    def next(self) -> Optional[Work]:
        """Return the next run; raises `Unanswered` where the pilot cannot be fetched."""
        if not self._file:
            info("pilot %s, share %g" % (self._version.name, self._version.share))
            file = os.path.join(os.getcwd(), "apf-fetched-" + self._version.name)
            fetch(self._version.urls, self._version.sha256, file, self._ending)
            self._file = file
        self._runs += 1
        name = "pilot-%d" % self._runs
        return PilotWork(name, self._file, self._words, self._environment, self._vmem_kb)

    def close(self) -> None:
        """Remove what was fetched."""
        if self._file:
            os.remove(self._file)
            self._file = ""
