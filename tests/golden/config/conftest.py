"""Folders to write configurations into, and endpoints whose settings never change."""

from config_folder import fake_endpoints, folder

__all__ = ["fake_endpoints", "folder"]
