"""Things to make report pages of, and what is in a page."""

from __future__ import annotations

import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from tests.helpers.cli import Run
from tests.helpers.paths import TOP

MADE = (
    "window sample_texts -o shards -L 32 -S 16 --val-fraction 0.1",
    r"window sample_texts/poem.txt -o padded -L 16 --boundary document --separator \n",
    "encode sample_texts -o x.bin",
    "vocab sample_texts/poem.txt -o words.json",
    "vocab sample_texts -o bpe.json --kind bpe --size 500",
    "embed shards -o embeddings --dim 8 --limit 20 --device cpu",
)


class View(NamedTuple):
    """A run of `inspect`, and what its page has."""

    line: str
    texts: tuple[str, ...]
    plots: int
    """How many plots there are: histograms, curves, strips and bars of shares."""


VIEWS = {
    "text": View("-t 'naïve cafés <|endoftext|>'", ("·caf", "50256", "4.5 bytes each"), 0),
    "tokenizers": View("-t unbelievably -T gpt2 -T bpe.json", ("gpt2", "bpe.json", "un"), 0),
    "corpus": View("sample_texts", ("Lengths of documents", "Latin", "82.6 KB", "1,715 of them once"), 3),
    "one text": View("sample_texts/poem.txt", ("Start of the text", "Frequency against rank"), 1),
    "ids": View("x.bin", ("First ids", "Last ids", "sha256", "of 50,257 tokens used"), 1),
    "shards": View("shards", ("train window 0", "target", "context length 32", "--special allow"), 2),
    "padding": View("padded --window 0..3", ("padding", "train window 3"), 0),
    "step": View("shards --step 2 --seed 0", ("batch 2 of", "Step 2"), 0),
    "find": View("shards --find the", ("Occurrences of “the”", "·the"), 0),
    "tokenizer": View("gpt2", ("byte-level BPE", "First merges", "Longest tokens"), 1),
    "entries": View("gpt2 --find king", ("Entries that contain “king”", "6b 69 6e 67"), 0),
    "coverage": View("words.json sample_texts/dialogue.txt", ("Coverage", "in the vocabulary"), 0),
    "embeddings": View("embeddings --near ' the'", ("Nearest to ·the", "Norms of tokens", "learned"), 6),
    "weights": View("embeddings/weights.safetensors", ("tok_emb.weight", "Norms of positions"), 4),
}


def make_things(run: Run, folder: Path) -> None:
    """Make everything that the views show."""
    shutil.copytree(TOP / "sample_texts", folder / "sample_texts")
    for line in MADE:
        done = run(*line.split())
        assert done.code == 0, done.err


class Page(HTMLParser):
    """The elements, the texts and the addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags = Counter[str]()
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        """All texts, one after the other."""
        return "".join(self.texts)
