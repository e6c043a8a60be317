"""The guard against characters that only gigatoken's Unicode knows."""

import pytest

from gptprep.tokenizers.gigatoken import GigatokenTokenizer
from gptprep.tokenizers.unicode_guard import NEWER_RANGES, may_differ
from tests.helpers.bpe import PATTERNS, pair_spec, rank_lines
from tests.helpers.paths import SAMPLES


def test_guard_finds_every_newer_character() -> None:
    for first, last in NEWER_RANGES:
        for code in range(first, last + 1):
            assert may_differ(f"abc{chr(code)}".encode()), hex(code)


def test_guard_finds_none_in_usual_texts() -> None:
    for path in SAMPLES.iterdir():
        assert not may_differ(path.read_bytes()), path
    assert not may_differ("తెలుగు ಕನ್ನಡ हिन्दी ไทย 한국어 Tiếng Việt 🙂👩‍🚀 𝒇 𠮷".encode())


@pytest.mark.parametrize("name", PATTERNS)
def test_engines_differ_on_a_newer_character(name: str) -> None:
    """When this fails, both follow the same Unicode and the guard is not needed."""
    spec = pair_spec(name, {})
    engine = GigatokenTokenizer(spec, "allow", rank_lines(list(spec.ranks)))
    text = f"{chr(NEWER_RANGES[0][0])}'s"
    assert engine._fast.encode(text.encode()).tolist() != engine.encode(text)
