"""Looks at the node before any work is asked for: one step per file."""
