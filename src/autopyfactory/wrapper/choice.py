"""Chooses the source of payloads: the command line first, the lookup table for what that leaves open."""

import argparse
from typing import Dict, List

from autopyfactory.wrapper.ending import Ending
from autopyfactory.wrapper.environment import payload_environment
from autopyfactory.wrapper.errors import UsageError
from autopyfactory.wrapper.lookup import COLUMNS, KEYS, look_up, read_table
from autopyfactory.wrapper.options import PLUGINS, limit, needed, refuse_others
from autopyfactory.wrapper.sources.command import CommandSource
from autopyfactory.wrapper.sources.panda import Api, Asked, PandaSource
from autopyfactory.wrapper.sources.pilot import PilotSource
from autopyfactory.wrapper.sources.source import Source
from autopyfactory.wrapper.sources.versions import read_versions
from autopyfactory.wrapper.supervise import Limits
from autopyfactory.wrapper.talk import info

GRACE_S = {"pilot": 60.0}
"""A pilot that is run has a payload of its own to stop and report."""


def complete(options: argparse.Namespace) -> None:
    """Fill in what the lookup table knows and the command line does not tell; raises `UsageError`."""
    if options.lookup:
        values = (
            options.wrappervo,
            options.wrapperpurpose,
            options.wrappergrid,
            options.wrapperwmsqueue,
            options.wrapperbatchqueue,
        )
        row = look_up(read_table(options.lookup), values)
        if row is None:
            told = ", ".join("%s %s" % (COLUMNS[n], values[n]) for n in range(KEYS))
            raise UsageError("--lookup %s: no line fits %s" % (options.lookup, told))
        options.wrapperplugin = options.wrapperplugin or row.plugin
        if not (options.wrapperpilotcode or options.wrapperpilotcodeurl):
            options.wrapperpilotcode, options.wrapperpilotcodeurl = row.pilot, row.url
    options.wrapperplugin = options.wrapperplugin or "panda"
    if options.wrapperplugin not in PLUGINS:
        known = ", ".join(PLUGINS)
        raise UsageError("--lookup: the plugin is one of %s, got %r" % (known, options.wrapperplugin))
    if options.wrapperplugin != "panda" and options.max_payloads is None:
        options.max_payloads = 1
    options.grace = limit(options.grace, GRACE_S.get(options.wrapperplugin, 5.0))


def source_of(options: argparse.Namespace, others: List[str], ending: Ending) -> Source:
    """Return the source that the completed options name; raises `UsageError`."""
    plugin = options.wrapperplugin
    info("payloads come from: %s" % plugin)
    if plugin == "panda":
        refuse_others(others)
        needed(options, "--wrapperserverurl", "--wrapperwmsqueue")
        asked = Asked(
            options.wrapperwmsqueue,
            options.label,
            options.wrapperbatchqueue,
            options.memory_mb,
            options.cores,
            options.heartbeat,
        )
        api = Api(options.wrapperserverurl)
        return PandaSource(api, asked, _environment(options), options.wrappervlimit)
    if plugin == "command":
        words = options.command + others
        if not words:
            raise UsageError("the source command needs --command, or words behind --")
        return CommandSource(words, _environment(options), options.wrappervlimit)
    versions = read_versions(options.wrapperpilotcode, options.wrapperpilotcodeurl)
    return PilotSource(versions, others, _environment(options), ending, options.wrappervlimit)


def _environment(options: argparse.Namespace) -> Dict[bytes, bytes]:
    return payload_environment(options.wrapperspecialcmd, options.wrapperplugin == "pilot")


def limits_of(options: argparse.Namespace) -> Limits:
    """Return when a payload is stopped."""
    return Limits(
        options.payload_timeout,
        options.memory_limit_mb,
        options.silence_limit,
        options.output_limit_mb,
        options.grace,
        options.watch,
    )
