"""A generated corpus of any size: words of samples, English words from common to rare, and new words.

Repeating the samples would favour every engine that caches pre-tokens. Here each unit (a word and the white
space after it) is drawn at random from four sources: units of the samples, as often as they occur there; the
words of GPT-2's vocabulary, with a frequency of nearly 1/rank; 300,000 rare words, each made of the halves of
two others; and words and numbers that occur nowhere else. 100 MB of prose have 424,000 different words,
numbers and marks; the 1,000 most frequent make up 74 % of the text and the 10,000 most frequent 92 %; an id
stands for 4.0 bytes.
"""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

TOP = Path(__file__).parent.parent
RANKS = TOP / "gptprep" / "tokenizers" / "data" / "r50k_base.tiktoken"
_SAMPLES = TOP / "sample_texts"
_SLOTS = 1 << 20
"""Size of the table that units are drawn from; a unit has slots in proportion to its frequency."""
_N_RARE = 300_000
_BLOCK_UNITS = 1 << 18
_FLAT = 10
"""Word number r of the vocabulary has the weight 1 / (r + _FLAT): the samples have the first ones already."""


class Kind(NamedTuple):
    """What a corpus is made of: fractions of common, rare and new words; units of samples for the rest."""

    samples: tuple[str, ...]
    unit: str
    """A regular expression for a unit."""
    common: float
    """Fraction of words of the vocabulary; if it is 0, rare words are made of the samples' units."""
    rare: float
    new: float


KINDS = {
    "prose": Kind(
        ("the_salt_clock.txt", "seven_fables.txt", "dialogue.txt", "letters_crlf.txt"),
        r"\S+\s*",
        common=0.33,
        rare=0.04,
        new=0.01,
    ),
    "code": Kind(("field_notes_on_queues.md",), r"\S+\s*", common=0.15, rare=0.1, new=0.05),
    "scripts": Kind(("many_scripts.txt",), r"\S{1,6}\s*", common=0.0, rare=0.04, new=0.01),
}


def make_corpus(path: Path, n_bytes: int, kind: str) -> None:
    """Write about `n_bytes` bytes of "prose", "code" or "scripts" (many scripts, few spaces)."""
    units = Units(KINDS[kind], np.random.default_rng(2026))
    left = n_bytes
    with path.open("wb") as file:
        while left > 0:
            left -= file.write(units.draw(min(_BLOCK_UNITS, left // 16 + 1)))
        file.write(b"\n\n")


class Units:
    """The units of a kind, drawn at random."""

    def __init__(self, kind: Kind, random: np.random.Generator) -> None:
        self._kind, self._random = kind, random
        texts = [(_SAMPLES / name).read_bytes().decode() for name in kind.samples]
        text = "\n\n".join(texts).replace("<|endoftext|>", "")
        sample_units, counts = np.unique(re.findall(kind.unit, text), return_counts=True)
        common = _vocabulary_words() if kind.common else []
        self._words = common or sample_units.tolist()
        rare = self._halves(_N_RARE)
        self._n_drawn = len(sample_units) + len(common)
        weights = [counts / counts.sum() * (1 - kind.common), _by_rank(len(common)) * kind.common]
        slots = np.maximum(1, np.concatenate(weights) * _SLOTS).astype(np.int64)
        self._table = np.repeat(np.arange(self._n_drawn), slots)
        units = [unit.encode() for unit in [*sample_units.tolist(), *common]] + rare
        self._units = np.array([*units, b""], object)[:-1]  # the empty unit makes it an array of objects

    def draw(self, n: int) -> bytes:
        """The next `n` units as one text."""
        chosen = self._table[self._random.integers(0, len(self._table), n)]
        dice = self._random.random(n)
        at = np.flatnonzero(dice < self._kind.rare)
        ranks = self._random.random(len(at)) ** 3 * _N_RARE  # the cube makes some words rarer
        chosen[at] = self._n_drawn + ranks.astype(np.int64)
        units = self._units[chosen]
        at = np.flatnonzero(dice > 1 - self._kind.new)
        units[at] = self._new_words(len(at))
        return b"".join(units.tolist())

    def _new_words(self, n: int) -> list[bytes]:
        numbers = [b"%d " % number for number in self._random.integers(0, 10_000, n // 3)]
        return numbers + self._halves(n - len(numbers))

    def _halves(self, n: int) -> list[bytes]:
        """The first half of a word and the second half of another, `n` times."""
        words = self._words
        pairs = self._random.integers(0, len(words), (n, 2)).tolist()
        pairs = [(words[first], words[second]) for first, second in pairs]
        return [(one[: len(one) // 2 + 1].strip() + two[len(two) // 2 :]).encode() for one, two in pairs]


def _vocabulary_words() -> list[str]:
    """GPT-2's tokens that are English words, from common to rare, each followed by a space."""
    tokens = (b64decode(line.split()[0]) for line in RANKS.read_bytes().splitlines())
    return [token[1:].decode() + " " for token in tokens if re.fullmatch(rb" [A-Z]?[a-z]{2,}", token)]


def _by_rank(n: int) -> NDArray[Any]:
    weights: NDArray[Any] = 1 / np.arange(_FLAT, _FLAT + n)
    weights /= max(1e-9, weights.sum())
    return weights
