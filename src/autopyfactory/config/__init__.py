"""TOML files and directories to one frozen, validated tree; all errors at once, with file and key."""
