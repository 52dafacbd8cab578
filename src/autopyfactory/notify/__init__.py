"""Notices to operators: what is told, when, to whom, and how it gets there."""
