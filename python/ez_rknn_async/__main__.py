"""`python -m ez_rknn_async` is the command line."""

import sys

from .cli import main

sys.exit(main())
