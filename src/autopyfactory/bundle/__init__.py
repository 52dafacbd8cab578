"""Ships the wrapper as one file: a shell head that finds a Python, and the program behind it."""

from autopyfactory.bundle.wrapper import (
    BUILTIN_WRAPPER,
    other_wrappers,
    place_wrapper,
    wrapper_bytes,
    wrapper_path,
    write_executable,
)

__all__ = [
    "BUILTIN_WRAPPER",
    "other_wrappers",
    "place_wrapper",
    "wrapper_bytes",
    "wrapper_path",
    "write_executable",
]
