"""Where payloads come from: one source per file."""
