"""A chain's trace, as a table and as a document."""

from rich.console import RenderableType

from autopyfactory.cli.common.output import Column, number, table
from autopyfactory.model import Decision


def steps_document(decision: Decision) -> dict[str, object]:
    """Return ``{"steps": [{"rule", "in", "out", "why"}…], "submit": n, "retire": n}``."""
    return {
        "steps": [
            {"rule": step.rule, "in": step.before, "out": step.after, "why": step.why}
            for step in decision.reasons
        ],
        "submit": decision.submit,
        "retire": decision.retire,
    }


def steps_table(decision: Decision) -> RenderableType:
    """Return the trace with one line per rule; negative numbers count pilots to retire."""
    return table(
        [Column("rule", whole=True), number("in"), number("out"), Column("why")],
        [(step.rule, step.before, step.after, step.why) for step in decision.reasons],
    )


def deciding_reason(decision: Decision) -> str:
    """Return the one reason that an operator asks for.

    That of the last step that changed the number; where none did, of the first, which found nothing to do.
    """
    if not decision.reasons:
        return ""
    changed = [step for step in decision.reasons if step.before != step.after]
    step = changed[-1] if changed else decision.reasons[0]
    return f"{step.rule}: {step.why}"
