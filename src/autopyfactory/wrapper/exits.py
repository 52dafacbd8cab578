"""What the wrapper's exit codes mean."""

EXIT_DONE = 0
EXIT_EMPTY = 80
EXIT_UNREPORTED = 81
EXIT_UNREACHABLE = 82
EXIT_ENVIRONMENT = 83
EXIT_INVALID = 84
EXIT_TERMINATED = 143

EXIT_CODES = """
exit codes:
   0  at least one payload was run, and every outcome reported; with the source panda a
      payload that failed is the payload's matter, and reported to the WMS
  80  empty: there was no work for this pilot
  81  the outcome of a payload could not be reported
  82  the WMS never gave a usable answer, or no pilot could be fetched
  83  wrong usage, no Python, or the node does not let the pilot work
  84  a required validation step failed; no payload was taken
 143  told to end by a signal; a payload that ran was reported as failed, to be retried
   n  with the sources command and pilot: the exit code of what was run
"""
