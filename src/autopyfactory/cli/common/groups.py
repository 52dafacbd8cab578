"""A group of verbs with one that is meant where none is named."""

from typing import Any, ClassVar

from typer.core import TyperGroup


class WithDefault(TyperGroup):
    """``apf logs PILOT`` means ``apf logs show PILOT``."""

    default: ClassVar[str] = "show"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default verb in front of what names none."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.default, *args]
        return super().parse_args(ctx, args)
