"""Speaking with an HTCondor schedd, through a worker process.

Import from the modules: the worker process loads only what it needs, and nothing here loads HTCondor's
bindings but that process.
"""
