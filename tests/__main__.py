"""Every check, the same for people and for CI: `python -m tests [--quick] [arguments for pytest]`.

`--quick` leaves out what takes long: kills, full disks and hostile files (`faults`), and other slow tests
(`slow`). Tests run in several processes; `-n 0` keeps them in one.
"""

import subprocess
import sys
from pathlib import Path

FORMS = ".github/ISSUE_TEMPLATE"


def main() -> None:
    """Run the checks in order and stop at the first that fails."""
    arguments = sys.argv[1:]
    if "--quick" in arguments:
        arguments.remove("--quick")
        arguments += ["-m", "not faults and not slow"]
    checks = (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("check_jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/tests.yml"),
        (
            "check_jsonschema",
            "--builtin-schema",
            "vendor.github-issue-forms",
            f"{FORMS}/bug.yml",
            f"{FORMS}/idea.yml",
        ),
        ("check_jsonschema", "--builtin-schema", "vendor.github-issue-config", f"{FORMS}/config.yml"),
        ("pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "worksteal", *arguments),
    )
    for check in checks:
        code = subprocess.run([sys.executable, "-m", *check], cwd=Path(__file__).parent.parent).returncode
        if code:
            sys.exit(code)


if __name__ == "__main__":
    main()
