"""What `verify` finds in a folder."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from gptprep.pipelines import verify
from gptprep.pipelines.verify import VerifyOptions, VerifyReport

KINDS: list[dict[str, Any]] = [
    {"layout": layout, "boundary": boundary, "shuffle": shuffle, "split_by": split_by}
    for layout, boundary, shuffle, split_by in itertools.product(
        ["pairs", "tokens"], ["stream", "document"], [False, True], ["tail", "document"]
    )
]
"""The kinds of shard folders: options of `window`."""


def kind_name(kind: dict[str, Any]) -> str:
    """The name of a test of one of `KINDS`."""
    return "-".join(map(str, kind.values()))


def verify_folder(folder: Path, *, fast: bool = False) -> VerifyReport:
    """Verify a folder that has a valid manifest."""
    return verify.run(verify.plan(VerifyOptions(str(folder), fast)))


def problems(folder: Path, *, fast: bool = False) -> list[str]:
    """All that `verify` finds, as "FILE: WHAT"."""
    return [f"{problem.file}: {problem.what}" for problem in verify_folder(folder, fast=fast).problems]
