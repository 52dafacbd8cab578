"""The built-in workload queue; speaks a subset of the PanDA API v1."""
