"""A corpus of any size from the sample texts, seeded: a walk over word pairs, with words nobody has seen.

Repeating the samples would flatter every engine that remembers pre-tokens. Here each document is a new walk
over the pairs of words of a sample, and one word in twenty is made up or a number.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import defaultdict
from pathlib import Path

SAMPLES = Path(__file__).parent.parent / "sample_texts"
_DOCUMENT_WORDS = 4000


def make_corpus(path: Path, n_bytes: int, kind: str) -> None:
    """Write about `n_bytes` bytes of "prose", "code" or "scripts" (many scripts, few spaces)."""
    files = {
        "prose": ("the_salt_clock.txt", "seven_fables.txt", "dialogue.txt", "letters_crlf.txt"),
        "code": ("field_notes_on_queues.md",),
        "scripts": ("many_scripts.txt",),
    }[kind]
    text = "\n\n".join((SAMPLES / name).read_bytes().decode() for name in files).replace("<|endoftext|>", "")
    words = re.findall(r"\S+\s*" if kind != "scripts" else r"\S{1,6}\s*", text)
    following: defaultdict[str, list[str]] = defaultdict(list)
    for word, following_word in itertools.pairwise(words):
        following[word].append(following_word)
    walk = random.Random(2026)
    size = 0
    with path.open("wb") as file:
        while size < n_bytes:
            document = _document(words, following, walk).encode()
            file.write(document)
            size += len(document)


def _document(words: list[str], following: defaultdict[str, list[str]], walk: random.Random) -> str:
    word = walk.choice(words)
    out = []
    for _ in range(_DOCUMENT_WORDS):
        word = walk.choice(following[word] or words)
        out.append(word if walk.random() < 0.95 else _made_up(words, walk))
    return "".join(out) + "\n\n"


def _made_up(words: list[str], walk: random.Random) -> str:
    if walk.random() < 0.3:
        return f"{walk.randrange(10_000)} "
    one, two = walk.choice(words), walk.choice(words)
    return one[: len(one) // 2 + 1].strip() + two[len(two) // 2 :]
