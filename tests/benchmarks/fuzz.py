"""More of the fuzzing that CI does a little of: five minutes, at random; what is found is a traceback.

``TFNZ_FUZZ_MINUTES`` says for how long instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec

from tests.fuzz.targets import TARGETS

_EXAMPLES = 2_000  # of hypothesis, for each minute and test


def main() -> int:
    """Hypothesis first, then each target under atheris, where it is installed."""
    minutes = float(os.environ.get("TFNZ_FUZZ_MINUTES", "5"))
    examples = {**os.environ, "TFNZ_FUZZ": str(int(_EXAMPLES * minutes))}
    tests = [sys.executable, "-m", "pytest", "-q", "tests/fuzz", "-k", "not guided"]
    found = subprocess.run(tests, env=examples, check=False).returncode
    if not find_spec("atheris"):
        print("atheris is not installed (pip install atheris): no coverage-guided fuzzing")
        return found
    for target in TARGETS:
        limit = f"-max_total_time={int(60 * minutes / len(TARGETS))}"
        with tempfile.TemporaryDirectory() as corpus:
            command = [sys.executable, "-m", "tests.fuzz.coverage_guided", target, limit, corpus]
            found = found or subprocess.run(command, check=False).returncode
    return found


if __name__ == "__main__":
    sys.exit(main())
