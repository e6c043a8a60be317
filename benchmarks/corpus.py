"""A corpus of any size, seeded: words of samples, English words from common to rare, words never seen.

Repeating the samples would flatter every engine that remembers pre-tokens. Here each unit (a word, and what
is written after it) is drawn anew from four sources, in the kind's shares: units of a sample as often as they
are in it; the words of GPT-2's vocabulary, nearly as 1/rank; 300,000 rare words, made of the halves of two
others; and words and numbers made up on the spot. In 100 MB of prose are 424,000 different words, numbers and
marks; the 1,000 commonest are 74 % of it and the 10,000 commonest 92 %; an id is 4.0 bytes.
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
"""Of the table that is drawn from: a unit has as many as it is frequent."""
_N_RARE = 300_000
_BLOCK_UNITS = 1 << 18
_FLAT = 10
"""Word number r of the vocabulary weighs 1 / (r + _FLAT): the commonest are in the samples already."""


class Kind(NamedTuple):
    """What a corpus is made of; what the shares leave is drawn from the samples."""

    samples: tuple[str, ...]
    unit: str
    """A regular expression."""
    common: float
    """The share of the vocabulary's words; without any, rare words are made of the samples' units."""
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
    """The units of a kind, and random numbers to draw them with."""

    def __init__(self, kind: Kind, random: np.random.Generator) -> None:
        self._kind, self._random = kind, random
        texts = [(_SAMPLES / name).read_bytes().decode() for name in kind.samples]
        text = "\n\n".join(texts).replace("<|endoftext|>", "")
        of_samples, counts = np.unique(re.findall(kind.unit, text), return_counts=True)
        common = _vocabulary_words() if kind.common else []
        self._words = common or of_samples.tolist()
        rare = self._halves(_N_RARE)
        self._n_drawn = len(of_samples) + len(common)
        weights = [counts / counts.sum() * (1 - kind.common), _by_rank(len(common)) * kind.common]
        slots = np.maximum(1, np.concatenate(weights) * _SLOTS).astype(np.int64)
        self._table = np.repeat(np.arange(self._n_drawn), slots)
        units = [unit.encode() for unit in [*of_samples.tolist(), *common]] + rare
        self._units = np.array([*units, b""], object)[:-1]  # an array of objects whatever the lengths

    def draw(self, n: int) -> bytes:
        """The next `n` units as one text."""
        chosen = self._table[self._random.integers(0, len(self._table), n)]
        dice = self._random.random(n)
        at = np.flatnonzero(dice < self._kind.rare)
        ranks = self._random.random(len(at)) ** 3 * _N_RARE  # the cube: some rare words are rarer than others
        chosen[at] = self._n_drawn + ranks.astype(np.int64)
        units = self._units[chosen]
        at = np.flatnonzero(dice > 1 - self._kind.new)
        units[at] = self._made_up(len(at))
        return b"".join(units.tolist())

    def _made_up(self, n: int) -> list[bytes]:
        numbers = [b"%d " % number for number in self._random.integers(0, 10_000, n // 3)]
        return numbers + self._halves(n - len(numbers))

    def _halves(self, n: int) -> list[bytes]:
        """The first half of a word and the second half of another, `n` times."""
        words = self._words
        pairs = self._random.integers(0, len(words), (n, 2)).tolist()
        pairs = [(words[first], words[second]) for first, second in pairs]
        return [(one[: len(one) // 2 + 1].strip() + two[len(two) // 2 :]).encode() for one, two in pairs]


def _vocabulary_words() -> list[str]:
    """GPT-2's tokens that are English words, from common to rare, each with a space behind it."""
    tokens = (b64decode(line.split()[0]) for line in RANKS.read_bytes().splitlines())
    return [token[1:].decode() + " " for token in tokens if re.fullmatch(rb" [A-Z]?[a-z]{2,}", token)]


def _by_rank(n: int) -> NDArray[Any]:
    weights: NDArray[Any] = 1 / np.arange(_FLAT, _FLAT + n)
    weights /= max(1e-9, weights.sum())
    return weights
