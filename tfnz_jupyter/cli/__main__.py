"""``python -m tfnz_jupyter.cli`` is ``tfnz``, also where no script was installed."""

import sys

from .main import main

sys.exit(main())
