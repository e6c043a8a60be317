"""Errors of `inspect` and `count`: options that do not fit the thing."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from safetensors.numpy import save_file

from gptprep.pipelines import count
from gptprep.pipelines.inspect.tables import FileRows
from gptprep.pipelines.inspect.text import inspect_texts
from gptprep.storage.safetensors import read_tensor_formats
from tests.fixes.rows import Place, Row, Table
from tests.helpers.cli import in_terminal

_SHARDS = "inspect s"
_EMBEDDED = "embed s -o e --dim 2"


def at_a_terminal(place: Place) -> str:
    return in_terminal(place.folder, "inspect", code=2, env={"TERM": "dumb"})


def weights(rows: int = 50257, **tables: tuple[int, ...]) -> Callable[[Place], None]:
    """A file of weights with some tables of ones, and the token table wte."""

    def make(place: Place) -> None:
        shapes = {"wte": (rows, 2), **tables}
        found = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
        if "zero" in tables:
            found["wte"][5] = 0
        save_file(found, place.folder / "w.safetensors")

    return make


def shrunk_table(place: Place) -> None:
    """Read a table from a file that became shorter."""
    path = place.folder / "w.safetensors"
    table = FileRows(str(path), "wte", read_tensor_formats(str(path))["wte"])
    os.truncate(path, 4_000)
    table.read(0, table.rows)


def no_wte(place: Place) -> None:
    """A file of weights without a token table of a usual name."""
    save_file({"x": np.ones((50257, 2), np.float32)}, place.folder / "w.safetensors")


TABLE: Table = {
    "cli/options.py": [
        Row(at_a_terminal, "name something, or give a text with {-t}", ("inspect a.txt", "inspect {0} one")),
    ],
    "cli/inspect.py": [
        Row("inspect s -t one", "give one of them", ("inspect s", "inspect -t one")),
    ],
    "cli/views/request.py": [
        Row("inspect s e", "give one of them at a time", ("inspect s", "inspect e"), _EMBEDDED),
        Row("inspect s -T gpt2 -T v.json", "give {--tokenizer} once", "inspect s {0} gpt2"),
    ],
    "cli/views/output.py": [
        Row("inspect a.txt --force", "leave out {--force}", "inspect a.txt"),
        Row(
            "inspect a.txt --json --html a.html",
            "give one of them at a time",
            ("inspect a.txt --json", "inspect a.txt --html a.html"),
        ),
        Row(
            "inspect a.txt --html same --svg same",
            "give them different names",
            "inspect a.txt --html one --svg other",
        ),
        Row("inspect s --html s/a.html", "name a file that is not in {s}", "inspect {0} --html a.html"),
    ],
    "cli/views/arguments.py": [
        Row("inspect a.txt --near x", "leave out {--near}", "inspect a.txt"),
    ],
    "cli/views/shards.py": [
        Row(
            f"{_SHARDS} --window 0 --random 1",
            "give one of them",
            (f"{_SHARDS} --window 0", f"{_SHARDS} --random 1"),
        ),
        Row(f"{_SHARDS} -n 5", "leave out {-n}", _SHARDS),
        Row(f"{_SHARDS} --find two --step 0", "leave out {--step}", f"{_SHARDS} --find two"),
    ],
    "pipelines/count.py": [
        Row(
            lambda _: count.plan(count.CountOptions(())),
            "name a file or a folder",
            ("count a.txt", "count mix"),
            files={"mix/a.txt": "one"},
        ),
        Row(
            "count a.bin -T gpt2 -T v.json",
            "give one {--tokenizer}, or count the text that they were made of",
            ("count a.bin {0} gpt2", "count a.txt -T gpt2 -T v.json"),
        ),
    ],
    "pipelines/folder_tokenizer.py": [
        Row(f"{_SHARDS} -T v.json --window 0", "leave out {--tokenizer}", f"{_SHARDS} --window 0"),
        Row("decode s --tokenizer v.json", "leave out --tokenizer", "decode s"),
    ],
    "pipelines/inspect/corpus.py": [
        Row("inspect a.txt --top -1", "give {0} or more", "inspect a.txt --top {0}"),
    ],
    "pipelines/inspect/embeddings.py": [
        Row(
            "inspect e -T v.json --near one",
            "give the file of {gpt2} with -T",
            "inspect e -T {0} --near one",
            _EMBEDDED,
        ),
        Row(
            "inspect e",
            "write the folder again",
            ("$ rm -r e", _EMBEDDED, "inspect e"),
            (_EMBEDDED, "$ rm e/weights.safetensors"),
        ),
    ],
    "pipelines/inspect/find.py": [
        Row(f"{_SHARDS} --find ''", "give the text to find", f"{_SHARDS} --find two"),
        Row(
            "inspect words --find two",
            "search the text of {gptprep decode words}",
            "{0}",
            ("vocab a.txt -o w.json", "window a.txt -T w.json -L 4 -o words"),
        ),
        Row(f"{_SHARDS} --find two -n -1", "give {0} or more", f"{_SHARDS} --find two -n {{0}}"),
    ],
    "pipelines/inspect/ids.py": [
        Row("inspect a.bin -n -1", "give {0} or more", "inspect a.bin -n {0}"),
        Row(
            "inspect s/train/inputs-00000.npy",
            "name the whole folder, or a flat array of whole numbers",
            ("inspect s", "inspect a.bin"),
        ),
    ],
    "pipelines/inspect/shards.py": [
        Row(f"{_SHARDS} --window 99", r"give 0 to {\d+}", f"{_SHARDS} --window {{0}}"),
        Row(f"{_SHARDS} --window 1..0", r"give {\d+\.\.\d+}", f"{_SHARDS} --window {{0}}"),
        Row(
            f"{_SHARDS} --window x",
            r"give a number such as {5}, or a range such as {5}\.\.9".replace("\\", ""),
            f"{_SHARDS} --window 0..1",
        ),
        Row(f"{_SHARDS} --random 0", r"give 1 to {[\d,]+}", f"{_SHARDS} --random 1"),
        Row(
            f"{_SHARDS} --random 1 --seed -1",
            r"give a number of at least {0} and below 2**64",
            f"{_SHARDS} --random 1 --seed {{0}}",
        ),
        Row(
            f"{_SHARDS} --step -1 --seed 0",
            "give {0} or more; steps are counted from 0",
            f"{_SHARDS} --step {{0}} --seed 0 --batch-size 1",
        ),
        Row(
            f"{_SHARDS} --step 0 --batch-size 1",
            "give the {--seed} of create_dataloader, or {--no-shuffle}",
            (f"{_SHARDS} --step 0 --batch-size 1 {{0}} 7", f"{_SHARDS} --step 0 --batch-size 1 {{1}}"),
        ),
    ],
    "pipelines/inspect/tables.py": [
        Row(
            shrunk_table,
            "write or download the file again",
            (weights(), "inspect w.safetensors"),
            weights(),
        ),
        Row(
            "inspect w.safetensors --near 99999",
            "give one of them",
            "inspect w.safetensors --near 50256",
            weights(),
        ),
        Row(
            "inspect w.safetensors --near king",
            "name it with -T, or give an id",
            (
                "inspect w.safetensors --near ' king' -T gpt2 --token-table wte",
                "inspect w.safetensors --near 7",
            ),
            weights(60_000),
        ),
        Row(
            "inspect w.safetensors --near 'a king'",
            "give one of them, by its id",
            "inspect w.safetensors --near 5822",
            weights(),
        ),
        Row(
            "inspect w.safetensors --near ' king' -T gpt2",
            "name the tokenizer of the table with -T",
            "inspect w.safetensors --near one -T v.json",
            weights(12),
        ),
        Row(
            "inspect w.safetensors --near nothing -T v.json",
            "see {gptprep inspect v.json --find} TEXT",
            "{0} one",
            weights(12),
        ),
        Row(
            "inspect w.safetensors --near 5",
            "name another token",
            "inspect w.safetensors --near 6",
            weights(zero=(1, 1)),
        ),
    ],
    "pipelines/inspect/text.py": [Row(lambda _: inspect_texts((), ("gpt2",)), "give one", "inspect -t one")],
    "pipelines/inspect/things.py": [
        Row(
            "inspect b.txt",
            "check the path, or give the text itself with {-t}",
            ("inspect a.txt", "inspect {0} b.txt"),
        )
    ],
    "pipelines/inspect/tokenizer.py": [
        Row("inspect v.json -n 0", "give {1} or more", "inspect v.json -n {0}"),
        Row("inspect v.json --from 999", "give one of them", "inspect v.json --from 1"),
        Row("inspect v.json --find ''", "give the string that entries contain", "inspect v.json --find o"),
    ],
    "pipelines/inspect/weights.py": [
        Row(
            "inspect w.safetensors --near 5",
            "name it: {--token-table}",
            "inspect w.safetensors --near 5 {0} x",
            no_wte,
        )
    ],
    "storage/safetensors.py": [
        Row(
            "inspect w.safetensors",
            "name a file of weights",
            ("$ rm w.safetensors", weights(), "inspect w.safetensors"),
            "$ mkfifo w.safetensors",
        ),
        Row(
            "inspect w.safetensors",
            "write or download the file again",
            (weights(), "inspect w.safetensors"),
            files={"w.safetensors": (8).to_bytes(8, "little") + b'{"a": 1}'},
        ),
    ],
}
