"""AutoPyFactory: keeps every compute site supplied with just the pilots that its waiting work needs."""

from importlib.metadata import version

__version__ = version("autopyfactory")
