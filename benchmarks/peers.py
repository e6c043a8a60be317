"""What is measured: whole processes from text on disk to ids or windows on disk.

Other tools are used in their simplest way that uses both cores, where they can. Each reads the text as its
users would have it: a text file, or JSON Lines of documents (`materials.py`).
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.materials import END_OF_TEXT, END_OF_TEXT_ID, N_FILES, documents

CONTEXT_LENGTH = 1024
CHUNK_BYTES = 1 << 24
"""Text that a process of `gigatoken_two` gets at a time."""
SHARD_IDS = 100_000_000
BATCH_DOCUMENTS = 1000
DATATROVE = "datatrove", "datatrove==0.10.1 orjson tokenizers"
_Way = TypeVar("_Way")


class Peer(NamedTuple):
    """One way to do the work.

    Args:
        run: called with the folder of materials and a folder for the output.
        ids: the pattern of its files of ids; each id of the text is in one of them, once.
        needs: the modules that it needs, and what pip calls them, each with spaces between.
        itemsize: bytes of a number in its files, if they are not `.npy`.
    """

    run: Callable[[Path, Path], None]
    ids: str
    needs: tuple[str, str] = ("gptprep", "gptprep")
    itemsize: int = 2

    @property
    def is_installed(self) -> bool:
        """Whether it can run here."""
        return all(map(has_module, self.needs[0].split()))


def asked(ways: dict[str, _Way], words: list[str] | None) -> dict[str, _Way]:
    """Those with one of the words in their name; all without words."""
    return {name: way for name, way in ways.items() if not words or any(word in name for word in words)}


def has_module(name: str) -> bool:
    """Whether a module can be imported; it may be one of a package."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the package is missing
        return False


def gptprep(*arguments: str | Path) -> None:
    """Run the command line of gptprep in this process."""
    from gptprep.cli import script

    sys.argv = ["gptprep", *map(str, arguments), "--quiet"]
    script()


@cache
def gpt2(folder: Path) -> Any:
    """tiktoken's GPT-2."""
    import tiktoken

    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder / "tiktoken")
    return tiktoken.get_encoding("r50k_base")  # GPT-2 under the name of its rank file


def tiktoken_one(folder: Path, output: Path) -> None:
    """nanoGPT's prepare.py for a small corpus: encode the whole text at once, then `tofile`."""
    text = (folder / "corpus.txt").read_bytes().decode()
    np.array(gpt2(folder).encode_ordinary(text), np.uint16).tofile(output / "ids.bin")


def tiktoken_document(folder: Path, text: str) -> NDArray[np.uint16]:
    """The ids of a document after the end-of-text id."""
    return np.array([END_OF_TEXT_ID, *gpt2(folder).encode_ordinary(text)], np.uint16)


def tiktoken_two(folder: Path, output: Path) -> None:
    """build-nanogpt's fineweb.py: two processes encode documents to uint16, in shards of 100 million ids."""
    from multiprocessing import Pool

    shard, filled, n_shards = np.empty(SHARD_IDS, np.uint16), 0, 0
    with Pool(2) as pool:
        for ids in pool.imap(partial(tiktoken_document, folder), documents(folder), chunksize=16):
            while len(ids):
                taken = ids[: SHARD_IDS - filled]
                shard[filled : filled + len(taken)] = taken
                filled, ids = filled + len(taken), ids[len(taken) :]
                if filled == SHARD_IDS:
                    np.save(output / f"ids-{n_shards:05d}", shard)
                    filled, n_shards = 0, n_shards + 1
    np.save(output / f"ids-{n_shards:05d}", shard[:filled])


def hugging_face_ids(file: Path, texts: Iterable[str]) -> Iterator[list[int]]:
    """`encode_batch_fast` (without offsets) on batches of documents, with its own number of threads."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = iter(texts)
    while batch := list(islice(texts, BATCH_DOCUMENTS)):
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            yield encoding.ids


def hugging_face(folder: Path, output: Path) -> None:
    """The ids of each document and the end-of-text id, written one document after the other."""
    with (output / "ids.bin").open("wb") as file:
        for ids in hugging_face_ids(folder / "gpt2" / "tokenizer.json", documents(folder)):
            file.write(array("H", [*ids, END_OF_TEXT_ID]))


def tokbin_threads(folder: Path, output: Path) -> None:
    """One source of all documents, encoded by the threads of Hugging Face's tokenizers."""
    from tokbin import Dataset, jsonl

    tokenizer = folder / "gpt2" / "tokenizer.json"
    Dataset(output).write("corpus", jsonl(folder / "documents"), tokenizer)


def _tokbin_source(folder: Path, output: Path, index: int) -> None:
    from tokbin import Dataset, jsonl

    os.environ["RAYON_NUM_THREADS"] = "1"
    tokenizer, name = folder / "gpt2" / "tokenizer.json", f"{index:05d}"
    Dataset(output).write(name, jsonl(folder / "documents" / f"{name}.jsonl"), tokenizer)


def tokbin_two(folder: Path, output: Path) -> None:
    """Two sources, each written by a process with one thread; its `Mixture` reads them as one corpus."""
    from multiprocessing import Pool

    with Pool(N_FILES) as pool:
        pool.map(partial(_tokbin_source, folder, output), range(N_FILES))


def datatrove(
    folder: Path,
    output: Path,
    documents: str = "documents",
    pattern: str | None = None,
    reader: str = "JsonlReader",
    workers: int = N_FILES,
) -> None:
    """A local executor with two workers; documents stay in order, because shuffling writes them twice.

    One thread for each worker and batches smaller than its 10,000 documents make it faster: up to 6.0 MB/s of
    100 MB instead of 4.4, and batches of 10,000 took 4.6 GB.

    Args:
        documents: the folder of files, of which a worker takes whole ones.
        pattern: of the names of those that are read.
        reader: its class that reads them.
        workers: as many as there are files; a single one encodes with the library's own number of threads.
    """
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline import readers
    from datatrove.pipeline.tokens import DocumentTokenizer

    if workers > 1:
        os.environ["RAYON_NUM_THREADS"] = "1"  # its workers inherit it
    tokenizer = DocumentTokenizer(
        str(output),
        str(folder / "gpt2" / "tokenizer.json"),
        eos_token=END_OF_TEXT,
        shuffle_documents=False,
        batch_size=BATCH_DOCUMENTS,
    )
    reads = getattr(readers, reader)(str(folder / documents), glob_pattern=pattern)
    executor = LocalPipelineExecutor(
        [reads, tokenizer], tasks=workers, workers=workers, logging_dir=str(output / "logs")
    )
    executor.run()


@cache
def _gigatoken() -> Any:
    from gigatoken.gigatoken_rs import BPETokenizer

    from benchmarks.corpus import RANKS

    return BPETokenizer.from_tiktoken(str(RANKS), "gpt2", {})


def chunks(corpus: Path, start: int, stop: int) -> Iterator[bytes]:
    """A range of a corpus in chunks that end between the newlines of an empty line, where tokens end too."""
    with corpus.open("rb") as file:
        file.seek(start)
        while start < stop:
            data = file.read(min(CHUNK_BYTES, stop - start))
            if start + len(data) < stop and (split_point := data.rfind(b"\n\n") + 1):
                file.seek(split_point - len(data), os.SEEK_CUR)
                data = data[:split_point]
            start += len(data)
            yield data


def _gigatoken_half(folder: Path, output: Path, half: int) -> None:
    corpus = folder / "corpus.txt"
    size = corpus.stat().st_size
    first = next(chunks(corpus, size // 2, size), b"")
    middle = size // 2 + first.find(b"\n\n") + 1
    start, stop = ((0, middle), (middle, size))[half]
    with (output / f"ids-{half}.bin").open("wb") as file:
        for chunk in chunks(corpus, start, stop):
            _gigatoken().encode(chunk).astype(np.uint16).tofile(file)


def gigatoken_two(folder: Path, output: Path) -> None:
    """The floor: gigatoken in two processes, each with half of the text and `tofile`, without any checks."""
    from multiprocessing import Process

    halves = [Process(target=_gigatoken_half, args=(folder, output, half)) for half in range(2)]
    for process in halves:
        process.start()
    for process in halves:
        process.join()


def the_book(folder: Path, output: Path) -> None:
    """GPTDatasetV1: tiktoken on the whole text and a loop over lists; the windows are saved at the end."""
    text = (folder / "corpus.txt").read_bytes().decode()
    ids = gpt2(folder).encode(text, allowed_special={END_OF_TEXT})
    starts = range(0, len(ids) - CONTEXT_LENGTH, CONTEXT_LENGTH)
    inputs = [ids[start : start + CONTEXT_LENGTH] for start in starts]
    targets = [ids[start + 1 : start + CONTEXT_LENGTH + 1] for start in starts]
    np.save(output / "inputs", np.array(inputs, np.uint16))
    np.save(output / "targets", np.array(targets, np.uint16))


def _encode(folder: Path, output: Path, engine: str = "auto") -> None:
    gptprep("encode", folder / "corpus.txt", "-o", output / "ids.bin", "--engine", engine)


def _window_tokens(folder: Path, output: Path) -> None:
    gptprep("window", folder / "corpus.txt", "-o", output / "shards", "--layout", "tokens")


FLOOR = "gigatoken, two processes (floor)"
PEERS = {
    "gptprep window": Peer(
        lambda folder, output: gptprep("window", folder / "corpus.txt", "-o", output / "shards"),
        "shards/*/inputs-*.npy",
    ),
    "gptprep window --layout tokens": Peer(_window_tokens, "shards/*/tokens-*.npy"),
    "gptprep encode": Peer(_encode, "ids.bin"),
    "gptprep encode --engine tiktoken": Peer(partial(_encode, engine="tiktoken"), "ids.bin"),
    "tiktoken, one process (nanoGPT)": Peer(tiktoken_one, "ids.bin"),
    "tiktoken, two processes (build-nanogpt)": Peer(tiktoken_two, "ids-*.npy"),
    "Hugging Face tokenizers, two threads": Peer(
        hugging_face, "ids.bin", ("tokenizers", "tokenizers==0.23.3")
    ),
    "tokbin, two threads": Peer(tokbin_threads, "corpus/**/*.bin", ("tokbin", "tokbin==0.1.0")),
    "tokbin, two processes": Peer(tokbin_two, "0*/**/*.bin", ("tokbin", "tokbin==0.1.0")),
    "datatrove, two workers": Peer(datatrove, "*.ds", DATATROVE),
    "the book's GPTDatasetV1": Peer(the_book, "inputs.npy"),
    FLOOR: Peer(gigatoken_two, "ids-*.bin", ("gigatoken", "gigatoken==0.10.0")),
}
