"""``apf demo``: board, factory and pilots in one process, with real work."""
