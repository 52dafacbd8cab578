"""Collects everything that is wrong with a configuration, each thing once."""

from collections.abc import Sequence

from autopyfactory.api import ConfigError, ConfigProblem
from autopyfactory.config.node import Place


class Problems:
    """Problems found so far.

    What a hundred queues inherit from one profile is found a hundred times, at the profile's place and in
    the same words: it counts once.
    """

    def __init__(self) -> None:
        self._found: dict[ConfigProblem, None] = {}

    def add(self, place: Place, problem: str, hint: str = "") -> None:
        """Note a problem; one that is already noted is passed over."""
        self._found[ConfigProblem(place.file, place.key, problem, hint)] = None

    def raise_any(self, files: Sequence[str]) -> None:
        """Raise `ConfigError` with all problems, in the order of the files, where there are any."""
        if self._found:
            order = {file: index for index, file in enumerate(files)}
            raise ConfigError(sorted(self._found, key=lambda problem: order.get(problem.file, -1)))
