"""The same text in the forms that corpora come in: gptprep on each, and what others do with such files.

Each form is one file, which all peers read. Only datatrove, whose workers take whole files, reads JSON Lines
and Parquet in two files of half the documents, one for each worker. A folder of these materials holds

    corpus.txt                  the text as one document
    forms/documents-N....       its documents of N characters, in one file of each form
    halves/N..../0000N....      the same documents in two files
    gpt2/, tiktoken/            GPT-2, as in `materials.py`
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.materials import END_OF_TEXT, END_OF_TEXT_ID, prepare_gpt2, write_documents
from benchmarks.measure import Run
from benchmarks.peers import (
    BATCH_DOCUMENTS,
    CONTEXT_LENGTH,
    DATATROVE,
    Peer,
    chunks,
    datatrove,
    gpt2,
    gptprep,
    has_module,
    tiktoken_document,
)
from benchmarks.tables import check_counts, check_exact

LONG, SHORT = 4000, 250
"""Characters of a document, about those of a web page and of a message."""
ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
_BLOCK_CHARACTERS = 1 << 20
_TASK_CHARACTERS = 1 << 16
"""Text that `json_loads` gives a process at a time."""
_N_BATCHES = 1024
"""In how many batches nanoGPT's prepare.py writes the ids."""


class Form(NamedTuple):
    """A form of the text.

    Args:
        file: its file in the folder of materials.
        characters: those of a document, up to the end of its last word; None if the text is one document.
        needs: the module that writes and reads it, and what pip calls it.
    """

    file: str
    characters: int | None = LONG
    needs: tuple[str, str] = ("gptprep", "gptprep")


FORMS = {
    ".txt": Form("corpus.txt", None),
    ".jsonl": Form(f"forms/documents-{LONG}.jsonl"),
    f".jsonl, {SHORT} characters": Form(f"forms/documents-{SHORT}.jsonl", SHORT),
    ".parquet": Form(f"forms/documents-{LONG}.parquet", LONG, ("pyarrow", "pyarrow")),
    ".jsonl.zst": Form(f"forms/documents-{LONG}.jsonl.zst", LONG, (ZSTD, "backports.zstd")),
    ".jsonl.gz": Form(f"forms/documents-{LONG}.jsonl.gz"),
}


# Materials


def prepare_forms(folder: Path) -> None:
    """Write GPT-2 and `corpus.txt` in all forms, and flush them to the disk."""
    prepare_gpt2(folder)
    write_forms(folder)
    os.sync()


def write_forms(folder: Path) -> None:
    """Write `corpus.txt` in all forms whose modules are installed."""
    (folder / "forms").mkdir()
    (folder / "halves").mkdir()
    for characters in (LONG, SHORT):
        halves = folder / "halves" / f"{characters}.jsonl"
        write_documents(folder / "corpus.txt", halves, documents_of(folder / "corpus.txt", characters))
        with (folder / "forms" / f"documents-{characters}.jsonl").open("wb") as file:
            for path in sorted(halves.iterdir()):
                file.write(path.read_bytes())
    lines = folder / FORMS[".jsonl"].file
    with lines.open("rb") as file, gzip.open(folder / FORMS[".jsonl.gz"].file, "wb", 6) as compressed:
        shutil.copyfileobj(file, compressed)
    if has_module(ZSTD):
        path = folder / FORMS[".jsonl.zst"].file
        with lines.open("rb") as file, import_module(ZSTD).open(path, "wb") as compressed:
            shutil.copyfileobj(file, compressed)
    if has_module("pyarrow"):
        _write_parquet([lines], folder / FORMS[".parquet"].file)
        (folder / "halves" / f"{LONG}.parquet").mkdir()
        for path in (folder / "halves" / f"{LONG}.jsonl").iterdir():
            _write_parquet([path], folder / "halves" / f"{LONG}.parquet" / f"{path.stem}.parquet")


def documents_of(corpus: Path, characters: int) -> Iterator[bytes]:
    """The text in documents of that many characters and the rest of a word; the last one may be shorter."""
    document = re.compile(rf".{{{characters}}}\S*(?=\s)", re.DOTALL)
    left = ""
    with corpus.open(encoding="utf-8", newline="") as file:
        while block := file.read(_BLOCK_CHARACTERS):
            left, start = left + block, 0
            while match := document.match(left, start):
                yield match[0].encode()
                start = match.end()
            left = left[start:]
    if left:
        yield left.encode()


def _write_parquet(lines: list[Path], path: Path) -> None:
    """Write the documents of JSON Lines with pyarrow's defaults."""
    import pyarrow
    from pyarrow import parquet

    texts = [json.loads(line)["text"] for source in lines for line in source.read_bytes().splitlines()]
    parquet.write_table(pyarrow.table({"text": texts}), path)


# Peers


def _window(folder: Path, output: Path, file: str) -> None:
    gptprep("window", folder / file, "-o", output / "shards")


def _line_ids(folder: Path, line: bytes) -> NDArray[np.uint16]:
    return tiktoken_document(folder, json.loads(line)["text"])


def json_loads(folder: Path, output: Path, form: Form) -> None:
    """Two processes parse lines and encode their texts; this one reads the lines and writes the ids."""
    from multiprocessing import Pool

    path = folder / form.file
    chunksize = _TASK_CHARACTERS // (form.characters or LONG)
    opened: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with Pool(2) as pool, opened(path, "rb") as lines, (output / "ids.bin").open("wb") as file:
        for ids in pool.imap(partial(_line_ids, folder), lines, chunksize):
            ids.tofile(file)


def hf_datasets(folder: Path, output: Path, form: Form) -> None:
    """nanoGPT's prepare.py for openwebtext: `load_dataset`, `map` in two processes, and ids to a mapped file.

    The columns are read at once where it reads them row by row, because that is faster with datasets 4.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HOME"] = str(output / "cache")
    load_dataset = import_module("datasets").load_dataset
    kind = "parquet" if form.file.endswith(".parquet") else "json"
    dataset = load_dataset(kind, data_files=str(folder / form.file), split="train")
    encoding = gpt2(folder)

    def process(example: dict[str, str]) -> dict[str, object]:
        ids = encoding.encode_ordinary(example["text"])
        ids.append(encoding.eot_token)
        return {"ids": ids, "len": len(ids)}

    encoded = dataset.map(process, remove_columns=["text"], num_proc=2).with_format("numpy")
    n_ids = int(encoded.select_columns("len")[:]["len"].sum())
    mapped = np.memmap(output / "ids.bin", np.uint16, "w+", shape=(n_ids,))
    n_batches, start = min(_N_BATCHES, len(encoded)), 0
    for index in range(n_batches):
        batch = np.concatenate(encoded.shard(n_batches, index, contiguous=True)[:]["ids"])
        mapped[start : start + len(batch)] = batch
        start += len(batch)
    mapped.flush()


def _datatrove(folder: Path, output: Path, form: Form) -> None:
    path = Path(form.file)
    if path.suffix in (".gz", ".zst"):
        datatrove(folder, output, str(path.parent), path.name, workers=1)
        return
    reader = "ParquetReader" if path.suffix == ".parquet" else "JsonlReader"
    datatrove(folder, output, f"halves/{form.characters}{path.suffix}", reader=reader)


def _peers() -> Iterator[tuple[str, Peer]]:
    """gptprep on each form, then each other tool on the forms that it is used with."""
    for label, form in FORMS.items():
        module, name = form.needs
        peer = Peer(partial(_window, file=form.file), "shards/*/inputs-*.npy", (module, name))
        yield f"gptprep window, {label}", peer
    for label, form in FORMS.items():
        if "json" in label and not label.endswith(".zst"):
            yield (
                f"json.loads + tiktoken, two processes, {label}",
                Peer(partial(json_loads, form=form), "ids.bin"),
            )
    of_documents = {label: form for label, form in FORMS.items() if form.characters}
    for label, form in of_documents.items():
        module, name = ("zstandard", "zstandard") if label.endswith(".zst") else form.needs
        needs = f"datasets tiktoken {module}", f"datasets tiktoken {name}"
        yield (
            f"datasets + tiktoken, two processes, {label}",
            Peer(partial(hf_datasets, form=form), "ids.bin", needs),
        )
    for label, form in of_documents.items():
        workers = "two threads" if label.endswith((".gz", ".zst")) else "two workers"
        needs = f"{DATATROVE[0]} {form.needs[0]}", f"{DATATROVE[1]} {form.needs[1]}"
        yield f"datatrove, {workers}, {label}", Peer(partial(_datatrove, form=form), "*.ds", needs)


FORM_PEERS = dict(_peers())


# Checks


def form_of(peer: str) -> Form:
    """The form that a peer reads."""
    return FORMS[max((label for label in FORMS if peer.endswith(f", {label}")), key=len)]


def check_forms(runs: dict[str, list[Run]], folder: Path) -> list[str]:
    """A line for each peer that did other work; the ids of gptprep are counted exactly."""
    wrong = []
    for characters in {form_of(name).characters for name in runs}:
        same = {name: measured for name, measured in runs.items() if form_of(name).characters == characters}
        n_ids = n_window_ids(folder, characters)
        ours = {name: measured for name, measured in same.items() if name.startswith("gptprep")}
        wrong += check_exact(ours, dict.fromkeys(ours, n_ids))
        wrong += check_counts({"the reference": [Run(0.0, None, n_ids)]} | same, CONTEXT_LENGTH)
    return wrong


def n_window_ids(folder: Path, characters: int | None) -> int:
    """The number of input ids in windows of tiktoken's ids, with the end-of-text id between documents."""
    corpus = folder / "corpus.txt"
    texts = documents_of(corpus, characters) if characters else chunks(corpus, 0, corpus.stat().st_size)
    n_ids, joins = 0, False
    for ids in _encoded(folder, texts, BATCH_DOCUMENTS if characters else 2):
        n_ids += len(ids) + (joins and characters is not None)
        joins = ids[-1] != END_OF_TEXT_ID
    return (n_ids - 1) // CONTEXT_LENGTH * CONTEXT_LENGTH


def _encoded(folder: Path, texts: Iterator[bytes], n: int) -> Iterator[list[int]]:
    """The ids of each text, of which `n` are encoded at a time."""
    while batch := [text.decode() for text in islice(texts, n)]:
        yield from gpt2(folder).encode_batch(batch, num_threads=2, allowed_special={END_OF_TEXT})
