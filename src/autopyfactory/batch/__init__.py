"""Batch plugins: one adapter per batch system."""
