"""The first code on the node: standard library only, Python >= 3.6, one file."""
