"""What may go wrong between us and a schedd, by what is known afterwards."""


class ScheddError(Exception):
    """A request to a schedd that did not go through; the text is for operators."""


class ScheddRefused(ScheddError):
    """The schedd, or the bindings before it, said no: nothing was done."""


class ScheddTooLate(ScheddError):
    """The deadline had passed when the schedd was to be told: nothing was done."""


class ScheddUnreachable(ScheddError):
    """There was nobody to ask: nothing was done."""


class ScheddSilent(ScheddError):
    """The request was under way when the answer was given up or lost: it may have been done."""
