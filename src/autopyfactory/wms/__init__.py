"""WMS status plugins, one per file."""
