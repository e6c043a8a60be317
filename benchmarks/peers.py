"""What is measured: each a whole process from text on disk to ids or windows on disk.

`python -m benchmarks.peers NAME CORPUS OUTPUT` runs one. Others' ways are here in their simplest form.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

PIECE = 1 << 24
"""Bytes that a process of a pool gets at a time."""
CONTEXT_LENGTH = 1024


def gptprep(*arguments: str) -> None:
    """Our own command line, in this process."""
    from gptprep.cli import main

    sys.argv = ["gptprep", *arguments, "--quiet", "--force"]
    main()


def pieces(corpus: str) -> Iterator[bytes]:
    """The corpus in pieces that end at an empty line: near enough for pipelines that take documents."""
    data = Path(corpus).read_bytes()
    begin = 0
    while begin < len(data):
        end = data.rfind(b"\n\n", begin, begin + PIECE) + 2 if begin + PIECE < len(data) else len(data)
        yield data[begin:end]
        begin = end


@cache
def _encoding() -> Any:
    from gptprep.tokenizers import load_tokenizer

    return load_tokenizer("gpt2", engine="tiktoken")._encoding  # type: ignore[attr-defined]


def _tiktoken_piece(piece: bytes) -> Any:
    return np.array(_encoding().encode_ordinary(piece.decode()), np.uint16)


def tiktoken_one(corpus: str, output: str) -> None:
    """nanoGPT's prepare.py for a small corpus: the whole text at once, then `tofile`."""
    text = Path(corpus).read_bytes().decode()
    np.array(_encoding().encode_ordinary(text), np.uint16).tofile(output)


def tiktoken_two(corpus: str, output: str) -> None:
    """build-nanogpt's fineweb.py: a pool of two processes, each document to uint16, one array on disk."""
    with Pool(2) as pool:
        np.save(output, np.concatenate(list(pool.imap(_tiktoken_piece, pieces(corpus)))))


@cache
def _gigatoken() -> Any:
    from gigatoken.gigatoken_rs import BPETokenizer

    from gptprep.tokenizers.bpe import _GPT2_FILE

    return BPETokenizer.from_tiktoken(_GPT2_FILE, "gpt2", {})


def _gigatoken_piece(piece: bytes) -> Any:
    return _gigatoken().encode(piece).astype(np.uint16)


def gigatoken_two(corpus: str, output: str) -> None:
    """The floor: gigatoken in two processes and `numpy.save`, with nothing checked."""
    with Pool(2) as pool:
        np.save(output, np.concatenate(list(pool.imap(_gigatoken_piece, pieces(corpus)))))


def the_book(corpus: str, output: str) -> None:
    """GPTDatasetV1: tiktoken on the whole text, a loop over lists; the windows are saved at the end."""
    ids = _encoding().encode(Path(corpus).read_bytes().decode(), allowed_special={"<|endoftext|>"})
    starts = range(0, len(ids) - CONTEXT_LENGTH, CONTEXT_LENGTH)
    np.save(output, np.array([ids[start : start + CONTEXT_LENGTH] for start in starts], np.uint16))
    targets = [ids[start + 1 : start + CONTEXT_LENGTH + 1] for start in starts]
    np.save(f"{output}.targets", np.array(targets, np.uint16))


PEERS: dict[str, Callable[[str, str], None]] = {
    "gptprep window": lambda corpus, output: gptprep("window", corpus, "-o", output),
    "gptprep encode": lambda corpus, output: gptprep("encode", corpus, "-o", output + ".bin"),
    "gptprep encode --engine tiktoken": lambda corpus, output: gptprep(
        "encode", corpus, "-o", output + ".bin", "--engine", "tiktoken"
    ),
    "tiktoken, one process": tiktoken_one,
    "tiktoken, two processes": tiktoken_two,
    "the book's dataset": the_book,
    "gigatoken, two processes (floor)": gigatoken_two,
}

if __name__ == "__main__":
    PEERS[sys.argv[1]](sys.argv[2], sys.argv[3])
