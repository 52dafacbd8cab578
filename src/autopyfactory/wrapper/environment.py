"""What payloads find in their environment."""

import os
import subprocess
from typing import Dict

from autopyfactory.wrapper.errors import UsageError
from autopyfactory.wrapper.talk import say, write_bytes
from autopyfactory.wrapper.tools import SECRETS, public_environment

SETUP_S = 600
_PROGRAM = 'eval "$1" >&2 && exec env -0'


def payload_environment(setup: str, with_panda_token: bool) -> Dict[bytes, bytes]:
    """Return the pilot's environment without its secrets, after the shell command ``setup`` if there is one.

    A pilot that is run as the payload keeps the token for PanDA: it is the one who speaks to it.  Raises
    `UsageError` where the command fails.
    """
    environment = public_environment()
    if with_panda_token and b"PANDA_AUTH_TOKEN" in os.environb:
        environment[b"PANDA_AUTH_TOKEN"] = os.environb[b"PANDA_AUTH_TOKEN"]
    return _after(setup, environment) if setup else environment


def _after(setup: str, environment: Dict[bytes, bytes]) -> Dict[bytes, bytes]:
    # the one place for a shell: what AutoPyFactory 2 takes here is a line for it, "source setup.sh" mostly
    say("preparing the environment: %s" % setup)
    shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
    try:
        done = subprocess.run(
            [shell, "-c", _PROGRAM, shell, setup],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=SETUP_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError("--wrapperspecialcmd: %s" % error) from error
    write_bytes(done.stderr, 2)
    if done.returncode:
        raise UsageError("--wrapperspecialcmd failed with exit code %d" % done.returncode)
    pairs = (entry.partition(b"=") for entry in done.stdout.split(b"\0") if b"=" in entry)
    secret = [name.encode("ascii") for name in SECRETS if name.encode("ascii") not in environment]
    return {name: value for name, _, value in pairs if name not in secret}
