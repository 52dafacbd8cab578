"""The first code on the node: standard library only, Python >= 3.6, shipped as one file."""

VERSION = "3.0"
