"""Every check, the same for people and for CI: `python -m tests`. Further arguments go to pytest.

Tests run in several processes; `-n 0` keeps them in one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "worksteal", *sys.argv[1:]),
)


def main() -> None:
    """Run the checks in order and stop at the first that fails."""
    top = Path(__file__).parent.parent
    for check in CHECKS:
        code = subprocess.run([sys.executable, "-m", *check], cwd=top).returncode
        if code:
            sys.exit(code)


if __name__ == "__main__":
    main()
