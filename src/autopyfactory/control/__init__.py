"""Observe, decide, submit, record; reconciliation; restart."""
