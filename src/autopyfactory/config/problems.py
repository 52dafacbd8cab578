"""Collects everything that is wrong with a configuration, each thing once."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from autopyfactory.api import ConfigError, ConfigProblem
from autopyfactory.config.node import Place
from autopyfactory.config.secrets import mask


class Problems:
    """Problems found so far.

    What a hundred queues inherit from one profile is found a hundred times, at the profile's place and in
    the same words: it counts once.
    """

    def __init__(self) -> None:
        self._found: dict[ConfigProblem, None] = {}

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._found)

    def add(self, place: Place, problem: str, hint: str = "") -> None:
        """Note a problem; one that is already noted is passed over."""
        self._found[ConfigProblem(place.file, place.key, problem, hint)] = None

    def raise_any(self, files: Sequence[str], hidden: Collection[str]) -> None:
        """Raise `ConfigError` with all problems, in the order of the files, where there are any.

        ``hidden`` texts are masked, wherever a problem may have picked them up.
        """
        if self:
            order = {file: index for index, file in enumerate(files)}
            found = sorted(self._found, key=lambda problem: order.get(problem.file, -1))
            raise ConfigError([_masked(problem, hidden) for problem in found])


def _masked(problem: ConfigProblem, hidden: Collection[str]) -> ConfigProblem:
    return replace(problem, problem=mask(problem.problem, hidden), hint=mask(problem.hint, hidden))
