"""``dns=NAME,…``: the names resolve."""

import socket

from autopyfactory.wrapper.validation.finding import About, Finding, summed, words


def check(argument: str, about: About) -> Finding:
    """Ask the node's resolver for each name."""
    problems = []
    names = words(argument, "names of hosts")
    for name in names:
        try:
            socket.getaddrinfo(name, None)
        except (OSError, UnicodeError) as error:
            problems.append("%s: %s" % (name, error))
    return summed(problems, "%s resolved" % ", ".join(names))
