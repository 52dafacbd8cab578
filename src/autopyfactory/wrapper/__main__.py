"""Where Python begins in the single file."""

import sys

from autopyfactory.wrapper.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
