"""``write[=DIRECTORY,…]``: files can be written and read back (in the working directory)."""

import os
import tempfile

from autopyfactory.wrapper.validation.finding import About, Finding, summed

SIZE = 1 << 20


def check(argument: str, about: About) -> Finding:
    """Write a megabyte of chance to the disk, and compare it."""
    directories = [word for word in argument.split(",") if word] or [about.directory]
    problems = []
    for directory in directories:
        content = os.urandom(SIZE)
        try:
            with tempfile.NamedTemporaryFile(prefix="apf-write-test-", dir=directory) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                if file.read() != content:
                    problems.append("%s: what was written is not what is read" % directory)
        except OSError as error:
            problems.append("%s: %s" % (directory, error.strerror or error))
    return summed(problems, "%s can be written" % ", ".join(directories))
