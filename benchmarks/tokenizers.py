"""`tokenizer.json` files through gptprep and through Hugging Face's library, whose ids are the reference.

Made-up vocabularies of realistic size are trained on the corpus, with the settings of published ones; or the
files are the user's. A folder of these materials holds

    corpus.txt              the text as one document
    documents/0000N.jsonl   its documents, as in `materials.py`
    tokenizers.json         the name of each tokenizer, its file, its end-of-text id and its number of ids
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from array import array
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

from benchmarks.materials import documents, write_documents
from benchmarks.measure import run_peer
from benchmarks.peers import CONTEXT_LENGTH, Peer, gptprep, hugging_face_ids

TRAINED_BYTES = 15_000_000
"""Text that a vocabulary is trained on: prose of this size has enough words for 128,000 tokens."""
INPUTS = {".jsonl": "documents", ".txt": "corpus.txt"}

_WORDS_AND_SPACE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Family(NamedTuple):
    """The settings of published files.

    Args:
        splits: the regular expressions that divide a text into pre-tokens, one after the other.
        n_vocab: tokens, without those that are added.
        special_tokens: if they `come_first`, a part of the vocabulary; else added after it.
    """

    splits: tuple[str, ...]
    n_vocab: int
    special_tokens: tuple[str, ...]
    come_first: bool = False
    ignore_merges: bool = False
    normalizes: bool = False
    """To NFC."""


FAMILIES = {
    "DeepSeek-like": Family(
        (
            "\\p{N}{1,3}",
            "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
        ),
        128_000,
        ("<|bos|>", "<|endoftext|>", "<|pad|>"),
        come_first=True,
    ),
    "Llama-3-like": Family(
        (_WORDS_AND_SPACE % "{1,3}",),
        128_000,
        ("<|end_of_text|>", "<|eot_id|>"),
        ignore_merges=True,
    ),
    "Qwen-like": Family(
        (_WORDS_AND_SPACE % "",),
        128_000,
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        normalizes=True,
    ),
}


class File(NamedTuple):
    """A `tokenizer.json`.

    Args:
        end_of_text: the id that gptprep puts between documents; None if it knows none.
        n_vocab: all ids are below it.
    """

    path: str
    end_of_text: int | None
    n_vocab: int


# Materials


def prepare_tokenizers(folder: Path, paths: list[Path]) -> None:
    """Write the documents of the corpus, and train vocabularies on it if the user has no files."""
    from gptprep.tokenizers import load_tokenizer

    write_documents(folder / "corpus.txt", folder / "documents")
    files = {str(path): path.resolve() for path in paths}
    for name, family in {} if files else FAMILIES.items():
        files[name] = folder / f"{name}.json"
        train(family, files[name], documents(folder))
    loaded = {name: load_tokenizer(str(path)) for name, path in files.items()}
    described = {name: File(str(files[name]), made.eot, made.n_vocab) for name, made in loaded.items()}
    (folder / "tokenizers.json").write_text(json.dumps(described))
    os.sync()


def train(family: Family, path: Path, texts: Iterable[str]) -> None:
    """Train a vocabulary on the first of some texts with Hugging Face's library."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(ignore_merges=family.ignore_merges))
    splits = [pre_tokenizers.Split(Regex(split), "isolated") for split in family.splits]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    if family.normalizes:
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=family.n_vocab,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(family.special_tokens) if family.come_first else [],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_first(texts, TRAINED_BYTES), trainer)
    tokenizer.add_special_tokens(list(family.special_tokens))
    tokenizer.save(str(path))


def _first(texts: Iterable[str], n_bytes: int) -> Iterator[str]:
    for text in texts:
        yield text
        n_bytes -= len(text.encode())
        if n_bytes <= 0:
            return


def tokenizer_files(folder: Path) -> dict[str, File]:
    """The tokenizers of a folder of materials, if it has some."""
    path = folder / "tokenizers.json"
    return {name: File(*file) for name, file in json.loads(path.read_text()).items()} if path.exists() else {}


# Peers


def _window(folder: Path, output: Path, file: File, source: str) -> None:
    gptprep("window", folder / source, "-T", file.path, "-o", output / "shards")


def _count(folder: Path, output: Path, file: File, source: str) -> None:
    with (output / "report.json").open("wb") as report:
        os.dup2(report.fileno(), sys.stdout.fileno())
    gptprep("count", folder / source, "-T", file.path, "--json")


def _texts(folder: Path, source: str) -> Iterable[str]:
    return documents(folder) if source == "documents" else [(folder / source).read_bytes().decode()]


def _hugging_face(folder: Path, output: Path, file: File, source: str) -> None:
    end = [] if file.end_of_text is None else [file.end_of_text]
    number = "H" if _itemsize(file) == 2 else "I"
    with (output / "ids.bin").open("wb") as written:
        for ids in hugging_face_ids(Path(file.path), _texts(folder, source)):
            written.write(array(number, [*ids, *end]))


def _itemsize(file: File) -> int:
    return 2 if file.n_vocab <= 1 << 16 else 4


def tokenizer_peers(folder: Path) -> dict[str, Peer]:
    """Each way to encode each input with each tokenizer of a folder of materials."""
    peers = {}
    for name, file in tokenizer_files(folder).items():
        for kind, source in INPUTS.items():
            if kind == ".txt" or file.end_of_text is not None:
                run = partial(_window, file=file, source=source)
                peers[f"gptprep window, {kind}, {name}"] = Peer(run, "shards/*/inputs-*.npy")
        for kind, source in INPUTS.items():
            run = partial(_count, file=file, source=source)
            peers[f"gptprep count, {kind}, {name}"] = Peer(run, "report.json")
        for kind, source in INPUTS.items():
            run, needs = (
                partial(_hugging_face, file=file, source=source),
                ("tokenizers", "tokenizers==0.23.3"),
            )
            peers[f"Hugging Face tokenizers, {kind}, {name}"] = Peer(run, "ids.bin", needs, _itemsize(file))
    return peers


# Checks


def _encode(folder: Path, output: Path, file: File, source: str) -> None:
    gptprep("encode", folder / source, "-T", file.path, "-o", output / "ids.txt")


def _reference(folder: Path, output: Path, file: File, source: str) -> None:
    with (output / "ids.txt").open("w") as written:
        for ids in hugging_face_ids(Path(file.path), _texts(folder, source)):
            written.write(" ".join(map(str, ids)) + "\n")


def check_peers(folder: Path) -> dict[str, Peer]:
    """gptprep and the reference, each writing a line of ids for each document; they are not measured."""
    return {
        f"{who}, {kind}, {name}": Peer(partial(run, file=file, source=source), "ids.txt")
        for name, file in tokenizer_files(folder).items()
        for kind, source in INPUTS.items()
        for who, run in (("gptprep encode", _encode), ("reference", _reference))
    }


def expected_ids(peers: Iterable[str], folder: Path) -> dict[str, int]:
    """How many ids each peer must give, once gptprep's ids are found to be those of the reference.

    Raises:
        SystemExit: they are not.
    """
    expected: dict[str, int] = {}
    for name, file in tokenizer_files(folder).items():
        for kind in INPUTS:
            same = [peer for peer in peers if peer.endswith(f", {kind}, {name}")]
            counts = _compare(folder, f"{kind}, {name}") if same else (0, 0)
            expected |= {peer: _n_ids(peer, *counts, file) for peer in same}
    return expected


def _compare(folder: Path, what: str) -> tuple[int, int]:
    """Compare all ids of an input; returns how many ids and documents it has."""
    digests = set()
    for who in ("gptprep encode", "reference"):
        run_peer(f"{who}, {what}", folder, folder / "checked")
        written = (folder / "checked" / "ids.txt").read_bytes()
        digests.add(hashlib.sha256(written).digest())
        rmtree(folder / "checked")
    if len(digests) > 1:
        sys.exit(f"{what}: the ids of gptprep are not those of Hugging Face's library")
    return written.count(b" ") + written.count(b"\n"), written.count(b"\n")


def _n_ids(peer: str, n_ids: int, n_documents: int, file: File) -> int:
    if peer.startswith("gptprep count"):
        return n_ids
    if peer.startswith("gptprep window"):
        return max(0, n_ids + n_documents - 2) // CONTEXT_LENGTH * CONTEXT_LENGTH
    return n_ids + n_documents * (file.end_of_text is not None)
