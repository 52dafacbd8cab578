"""What can go wrong, named by the reaction."""


class Unanswered(Exception):
    """No usable answer; what was asked for may have been done all the same.  Ask again later."""


class BadPayload(Exception):
    """What was handed out cannot be run.  It has failed; the next one may do."""


class UsageError(Exception):
    """The command line, or a file that it names, makes no sense.  Nothing can be done."""
