"""Observe, decide, submit, record; reconciliation; restart.

`Factory` is the whole of it.  Everything it works with arrives by constructor, and it asks the time of
nobody but its clock, so it runs the same in production and in a simulated world.
"""

from autopyfactory.control.factory import Factory

__all__ = ["Factory"]
