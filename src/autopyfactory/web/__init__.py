"""REST API, wrappers' reports, pilots' logs; reads through the store, acts through its overrides."""
