"""What is prepared before anything is timed: the corpus as documents, and GPT-2 as each peer loads it.

A folder of materials holds

    corpus.txt                  the corpus, or a link to it
    documents/0000N.jsonl       its documents as {"text": ...}, half of them in each of two files
    gpt2/tokenizer.json         GPT-2 for Hugging Face's tokenizers, if they are installed
    tiktoken/...                the rank file, where tiktoken looks for its downloads
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import json
import os
import shutil
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

from benchmarks.corpus import RANKS
from gptprep.tokenizers.byte_level import to_text
from gptprep.tokenizers.published import KNOWN

DOCUMENT_BYTES = 4096
"""A document ends at the first empty line after this many bytes, about the size of a web page."""
N_FILES = 2
END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 50256


def prepare(folder: Path) -> None:
    """Write what the peers need beside `corpus.txt`, and flush it to the disk."""
    write_documents(folder / "corpus.txt", folder / "documents")
    prepare_gpt2(folder)
    os.sync()


def prepare_gpt2(folder: Path) -> None:
    """Write GPT-2 as the peers load it."""
    write_tiktoken_cache(folder / "tiktoken")
    if importlib.util.find_spec("tokenizers"):
        (folder / "gpt2").mkdir()
        write_tokenizer_json(folder / "gpt2" / "tokenizer.json")


def write_documents(corpus: Path, folder: Path, texts: Iterator[bytes] | None = None) -> None:
    """Write the documents of a corpus as JSON Lines in `N_FILES` files of about the same size.

    Args:
        texts: the documents, if they are not those that `divided` gives.
    """
    folder.mkdir()
    size = corpus.stat().st_size
    texts = divided(corpus) if texts is None else texts
    for index in range(N_FILES):
        wanted = size * (index + 1) // N_FILES - size * index // N_FILES if index < N_FILES - 1 else size
        with (folder / f"{index:05d}.jsonl").open("w", encoding="utf-8") as file:
            written = 0
            while written < wanted and (text := next(texts, None)) is not None:
                file.write(json.dumps({"text": text.decode()}, ensure_ascii=False) + "\n")
                written += len(text)


def divided(corpus: Path) -> Iterator[bytes]:
    """The documents of a corpus, without the empty lines between them."""
    data = corpus.read_bytes()
    start = 0
    while start < len(data):
        stop = data.find(b"\n\n", start + DOCUMENT_BYTES)
        stop = len(data) if stop < 0 else stop
        if document := data[start:stop].strip(b"\n"):
            yield document
        start = stop


def documents(folder: Path) -> Iterator[str]:
    """The texts in the JSON Lines files, read as users of the peers would read them."""
    for path in sorted((folder / "documents").iterdir()):
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)["text"]


def write_tiktoken_cache(folder: Path) -> None:
    """Copy our rank file to where `tiktoken.get_encoding("r50k_base")` looks for its download."""
    folder.mkdir()
    shutil.copy(RANKS, folder / hashlib.sha1(KNOWN["r50k_base"].url.encode()).hexdigest())


def write_tokenizer_json(path: Path) -> None:
    """Write GPT-2 for Hugging Face: the vocabulary, and the merges that follow from the rank file."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    ranks = {b64decode(token): int(rank) for token, rank in map(bytes.split, RANKS.read_bytes().splitlines())}
    pairs = [merge_of(token, ranks) for token in ranks if len(token) > 1]
    merges = [(to_text(first), to_text(second)) for first, second in pairs]
    tokenizer = Tokenizer(models.BPE(vocab={to_text(t): rank for t, rank in ranks.items()}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END_OF_TEXT])
    if tokenizer.token_to_id(END_OF_TEXT) != END_OF_TEXT_ID:
        raise LookupError(f"{END_OF_TEXT} has another id")
    tokenizer.save(str(path))


def merge_of(token: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens whose merge makes `token`: what all merges below its rank leave of its bytes.

    Raises:
        ValueError: no merges make it.
    """
    tokens = [bytes([byte]) for byte in token]
    while len(tokens) > 2:
        pairs = [first + second for first, second in itertools.pairwise(tokens)]
        at = min(range(len(pairs)), key=lambda i: ranks.get(pairs[i], len(ranks)))
        if ranks.get(pairs[at], len(ranks)) >= ranks[token]:
            raise ValueError(f"no merges make {token!r}")
        tokens[at : at + 2] = [pairs[at]]
    first, second = tokens
    return first, second
