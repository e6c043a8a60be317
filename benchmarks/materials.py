"""What is made once, before anything is timed: the corpus as documents, and GPT-2 as each peer loads it.

A folder of materials holds

    corpus.txt                  the corpus, or a link to it
    documents/0000N.jsonl       the same, cut into documents: {"text": ...}, half of them in each of two files
    gpt2/tokenizer.json         GPT-2 for Hugging Face's tokenizers, if they are installed
    tiktoken/...                the rank file, where tiktoken looks for what it has fetched
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
from gptprep.tokenizers.encodings import GPT2_SHA256, known_by_hash

DOCUMENT_BYTES = 4096
"""A document ends at the first empty line after so many bytes: about a web page."""
N_FILES = 2
END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 50256


def prepare(folder: Path, corpus: Path) -> None:
    """Fill a folder with all that the peers need, and see to it that it is on the disk."""
    if corpus != folder / "corpus.txt":
        (folder / "corpus.txt").symlink_to(corpus.resolve())
    write_documents(corpus, folder / "documents")
    write_tiktoken_cache(folder / "tiktoken")
    if importlib.util.find_spec("tokenizers"):
        (folder / "gpt2").mkdir()
        write_tokenizer_json(folder / "gpt2" / "tokenizer.json")
    os.sync()


def write_documents(corpus: Path, folder: Path) -> None:
    """The corpus as JSON lines in `N_FILES` files of about the same size."""
    folder.mkdir()
    size = corpus.stat().st_size
    texts = cut(corpus)
    for index in range(N_FILES):
        wanted = size * (index + 1) // N_FILES - size * index // N_FILES if index < N_FILES - 1 else size
        with (folder / f"{index:05d}.jsonl").open("w", encoding="utf-8") as file:
            written = 0
            while written < wanted and (text := next(texts, None)) is not None:
                file.write(json.dumps({"text": text.decode()}, ensure_ascii=False) + "\n")
                written += len(text)


def cut(corpus: Path) -> Iterator[bytes]:
    """The documents of a corpus, without the empty lines between them."""
    data = corpus.read_bytes()
    begin = 0
    while begin < len(data):
        end = data.find(b"\n\n", begin + DOCUMENT_BYTES)
        end = len(data) if end < 0 else end
        if document := data[begin:end].strip(b"\n"):
            yield document
        begin = end


def documents(folder: Path) -> Iterator[str]:
    """The texts of the JSON lines, as a script of the peers' users would read them."""
    for path in sorted((folder / "documents").iterdir()):
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)["text"]


def write_tiktoken_cache(folder: Path) -> None:
    """Our rank file under the name that `tiktoken.get_encoding("r50k_base")` looks for before it fetches."""
    folder.mkdir()
    known = known_by_hash(GPT2_SHA256)
    if known is None:
        raise LookupError("the table of encodings has no GPT-2")
    url = known.url.replace(known.name, "r50k_base")
    shutil.copy(RANKS, folder / hashlib.sha1(url.encode()).hexdigest())


def write_tokenizer_json(path: Path) -> None:
    """GPT-2 for Hugging Face: the vocabulary and the merges that the rank file implies."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    ranks = {b64decode(token): int(rank) for token, rank in map(bytes.split, RANKS.read_bytes().splitlines())}
    parts = [parts_of(token, ranks) for token in ranks if len(token) > 1]
    merges = [(to_text(one), to_text(two)) for one, two in parts]
    tokenizer = Tokenizer(models.BPE(vocab={to_text(t): rank for t, rank in ranks.items()}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END_OF_TEXT])
    if tokenizer.token_to_id(END_OF_TEXT) != END_OF_TEXT_ID:
        raise LookupError(f"{END_OF_TEXT} has got another id")
    tokenizer.save(str(path))


def parts_of(token: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens whose merge makes `token`: what is left of its bytes after all merges below its rank."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        pairs = [one + two for one, two in itertools.pairwise(parts)]
        at = min(range(len(pairs)), key=lambda i: ranks.get(pairs[i], len(ranks)))
        if ranks.get(pairs[at], len(ranks)) >= ranks[token]:
            raise ValueError(f"no merges make {token!r}")
        parts[at : at + 2] = [pairs[at]]
    one, two = parts
    return one, two
