"""Patterns of URLs match what Python's glob matches in a folder."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from gptprep.corpus.urls import _matches

PARTS = st.sampled_from(["a", "b.txt", ".a", ".b.txt", "ab", "[a]"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
PATTERN_PARTS = st.sampled_from(["*", "**", "a", ".*", "a*", "?", "[ab]*", "*.txt", ".a", "[[]a]"])
PATTERNS = st.lists(PATTERN_PARTS, min_size=1, max_size=4).map("/".join)


def files(names: list[str]) -> set[str]:
    """The names that can be files together: none is a folder of another."""
    return {name for name in names if not any(other.startswith(f"{name}/") for other in names)}


@example(names=["a"], pattern="*/**")
@given(names=st.lists(NAMES, max_size=8), pattern=PATTERNS)
def test_pattern_matches_as_glob(tmp_path_factory: object, names: list[str], pattern: str) -> None:
    top = Path(tmp_path_factory.mktemp("tree"))  # type: ignore[attr-defined]
    for name in files(names):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("")
    found = glob.glob(str(Path(glob.escape(str(top))) / pattern), recursive=True)
    expected = {os.path.relpath(path, top) for path in found if os.path.isfile(path)}
    ours = {name for name in files(names) if _matches(name.split("/"), pattern.split("/"))}
    assert ours == expected
