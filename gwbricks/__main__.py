"""`python -m gwbricks` is `gwbricks`."""

import sys

from gwbricks.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
