"""`python -m unlisted`: the same as the command."""

import sys

from unlisted.cli import main

sys.exit(main())
