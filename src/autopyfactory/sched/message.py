"""A decision in the words of APF 2, which monitors parse."""

from autopyfactory.api import Kind, PluginBroken, UnknownPlugin, find_plugin
from autopyfactory.model import Decision, Reason


def apf2_message(decision: Decision) -> str:
    """Return ``Ready:in=0,activated=100,offset=4,pending=10,ret=86;Scale:in=86,factor=0.5,ret=43;…``.

    A comment comes before ``in``, as APF 2 has it: ``StatusTest:comment=not test,in=43,ret=43``.
    """
    return ";".join(_step(reason) for reason in decision.reasons)


def _step(reason: Reason) -> str:
    facts = {key: value for key, value in reason.facts.items() if value is not None}
    comment = facts.pop("comment", None)
    words = [] if comment is None else [("comment", comment)]
    words += [("in", reason.before), *facts.items(), ("ret", reason.after)]
    return f"{_apf2_name(reason.rule)}:" + ",".join(f"{key}={value}" for key, value in words)


def _apf2_name(rule: str) -> str:
    """Return what APF 2 calls a rule; its own name where no such rule is installed (any more)."""
    try:
        plugin = find_plugin(Kind.SCHED, rule)
    except (UnknownPlugin, PluginBroken):
        return rule
    return str(plugin.apf2_name or plugin.__name__)
