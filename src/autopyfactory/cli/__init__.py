"""The command line ``apf``, and the only place that wires concrete parts together."""
