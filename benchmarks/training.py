"""Training a byte-level BPE: `gptprep vocab` beside the trainers of other libraries.

All but rustbpe, which breaks ties in another way, must find the same merges.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.measure import Run, run_peer
from benchmarks.peers import Peer, chunks, gptprep
from gptprep.tokenizers.byte_level import to_text

SIZES = 8192, 32768
"""Ids of the vocabularies."""
_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""GPT-2's."""
_MERGES = "merges.json"


def _texts(folder: Path) -> Iterator[str]:
    corpus = folder / "corpus.txt"
    return (chunk.decode() for chunk in chunks(corpus, 0, corpus.stat().st_size))


def _gptprep(folder: Path, output: Path, size: int) -> None:
    arguments = "--kind", "bpe", "--size", str(size), "--special-token", "<|endoftext|>"
    gptprep("vocab", folder / "corpus.txt", "-o", output / "tokenizer.json", *arguments)


def _gigatoken(folder: Path, output: Path, size: int) -> None:
    from gigatoken import train_bpe

    _, merges = train_bpe((folder / "corpus.txt").read_bytes(), size - 1, [])
    texts = [f"{to_text(left)} {to_text(right)}" for left, right in merges]
    (output / _MERGES).write_text(json.dumps(texts))


def _hugging_face(folder: Path, output: Path, size: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer(vocab_size=size - 1, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_texts(folder), trainer)
    tokenizer.save(str(output / "tokenizer.json"))


def _rustbpe(folder: Path, output: Path, size: int) -> None:
    from rustbpe import Tokenizer

    tokenizer = Tokenizer()
    tokenizer.train_from_iterator(_texts(folder), size - 1, pattern=_PATTERN)
    tokens = [to_text(token) for token, _ in tokenizer.get_mergeable_ranks()[256:]]
    (output / _MERGES).write_text(json.dumps(tokens))


_TRAINERS: dict[str, tuple[Callable[..., None], tuple[str, str]]] = {
    "gptprep vocab": (_gptprep, ("gptprep", "gptprep")),
    "gigatoken train_bpe": (_gigatoken, ("gigatoken", "gigatoken==0.10.0")),
    "Hugging Face BpeTrainer": (_hugging_face, ("tokenizers", "tokenizers==0.23.3")),
    "rustbpe": (_rustbpe, ("rustbpe", "rustbpe==0.1.0")),
}
_OTHER_TIES = "rustbpe"
TRAINERS = {
    f"{name}, {size:,} ids": Peer(partial(run, size=size), "", needs)
    for size, (name, (run, needs)) in product(SIZES, _TRAINERS.items())
}


def merges_of(output: Path) -> list[str]:
    """The merges that a trainer has written, in order: both tokens, with a space between."""
    if (own := output / _MERGES).exists():
        merges: list[str] = json.loads(own.read_bytes())
        return merges
    found = json.loads((output / "tokenizer.json").read_bytes())["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in found]


def measure_trainers(names: list[str], folder: Path, n_runs: int) -> dict[str, list[Run]]:
    """Run each trainer in turn, several times.

    Raises:
        SystemExit: two of them find other merges.
    """
    runs: dict[str, list[Run]] = {name: [] for name in names}
    first: dict[str, list[str]] = {}
    for _, name in product(range(n_runs), names):
        finished = run_peer(name, folder, folder / "output")
        merges = merges_of(folder / "output")
        shutil.rmtree(folder / "output")
        runs[name].append(Run(finished.seconds, finished.peak, len(merges), finished.cpu))
        if not name.startswith(_OTHER_TIES):
            size = name.rpartition(", ")[2]
            if merges != first.setdefault(size, merges):
                sys.exit(f"{name}: other merges")
    return runs
