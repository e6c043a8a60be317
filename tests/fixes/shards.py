"""Errors of published folders, their splits and windows."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np

from gptprep.progress import no_progress
from gptprep.shards.embeddings_folder import FORMAT, VERSION
from gptprep.shards.verify import _run_all
from gptprep.windows.index import check_lengths, window_numbers
from gptprep.windows.shuffle import permute
from gptprep.windows.strided import sliding_windows
from tests.fixes.rows import Place, Row, Table
from tests.helpers.folders import change_array, read_manifest, write_manifest

_WRITE = "window a.txt -o s -L 4"
_REMOVE = "remove the folder and write it again"
_EMBEDDINGS = {"format": FORMAT, "version": VERSION}


def manifest(folder: str, value: dict[str, Any] | None = None, **changes: Any) -> Any:
    """Write the manifest of a folder: another one, or with changes."""

    def write(place: Place) -> None:
        path = place.folder / folder
        path.mkdir(exist_ok=True)
        write_manifest(path, (value or read_manifest(path)) | changes)

    return write


def damage_table(place: Place) -> None:
    """Let the table of windows have one that starts behind the ids."""

    def change(starts: Any) -> None:
        starts += 1000

    change_array(place.folder / "d", "train/starts-00000.npy", change)


TABLE: Table = {
    "shards/arrays.py": [
        Row(
            "decode s",
            "write the shards again",
            (f"{_WRITE} -f", "decode s"),
            "$ rm s/train/inputs-00000.npy",
        )
    ],
    "shards/embeddings_folder.py": [
        Row(
            "verify e", _REMOVE, ("$ rm -r e", "embed s -o e --dim 2", "verify e"), manifest("e", _EMBEDDINGS)
        )
    ],
    "shards/folder.py": [
        Row(
            "decode e",
            "name the folder that {`gptprep window`} wrote",
            "decode s",
            manifest("e", _EMBEDDINGS),
        ),
        Row("decode s", _REMOVE, ("$ rm -r s", _WRITE, "decode s"), manifest("s", splits=1)),
        Row("decode s --split val", "give {train}", "decode s --split {0}"),
    ],
    "shards/ids_checks.py": [
        Row(
            "verify a.bin",
            "write it with `{gptprep encode -o}`, which writes both",
            ("{0} a.bin -f a.txt", "verify a.bin"),
            "$ rm a.bin.json",
        )
    ],
    "shards/layout.py": [
        Row(
            "window a.txt -o w -L 4 --shard-size 1",
            r"give {--shard-size \d+} or more",
            "window a.txt -o w -L 4 {0}",
        )
    ],
    "shards/tokens.py": [
        Row(
            "embed d -o e --dim 2",
            "write the shards again",
            ("window a.txt -o d -L 4 --layout tokens --boundary document -f", "embed d -o e --dim 2"),
            ("window a.txt -o d -L 4 --layout tokens --boundary document", damage_table),
        )
    ],
    "shards/verify.py": [
        Row(
            "verify s",
            "write the folder again",
            (f"{_WRITE} -f", "verify s"),
            "$ truncate -s +1 s/train/inputs-00000.npy",
        ),
        Row(
            "verify a.bin",
            "write the file again",
            ("encode a.txt -o a.bin -f", "verify a.bin"),
            "$ printf xx | dd of=a.bin conv=notrunc",
        ),
        Row(
            lambda _: _run_all([mock.Mock(side_effect=MemoryError)], 0, no_progress),
            "verify it on a machine with more",
            "verify s",
        ),
        Row("verify s", "remove what is not in the manifest", ("$ rm s/mine", "verify s"), "$ touch s/mine"),
        Row(
            "verify s",
            _REMOVE,
            ("$ rm -r s", _WRITE, "verify s"),
            "$ touch s/mine; truncate -s +1 s/train/inputs-00000.npy",
        ),
    ],
    "windows/index.py": [
        Row("window a.txt -o w -L 0", "give a {context length} of {1} or more", "window a.txt -o w -L {1}"),
        Row(
            f"window a.txt -o w -L {1 << 40}",
            "give at most {.+}",
            lambda _, most: check_lengths(int(most), 1),
        ),
        Row(
            lambda _: window_numbers([[1]], 9),
            "give a flat list of integers",
            lambda _: window_numbers([1], 9),
        ),
        Row(
            lambda _: window_numbers(np.array([True, False]), 9),
            "give {np.flatnonzero}(mask)",
            lambda _, __: window_numbers(np.flatnonzero([True, False]), 9),
        ),
        Row(
            lambda _: window_numbers(9, 9),
            "give a number from 0 to {.+}",
            lambda _, last: window_numbers(int(last), 9),
        ),
        Row(
            lambda _: window_numbers([[1], [1, 2]], 9),
            "give a flat list",
            lambda _: window_numbers([1, 2], 9),
        ),
    ],
    "windows/shuffle.py": [
        Row(
            lambda _: permute([9], 9, 0),
            "give numbers from 0 to {.+}",
            lambda _, last: permute([int(last)], 9, 0),
        )
    ],
    "windows/spec.py": [
        Row(
            "window a.txt -o w -L 2 --val-fraction 2",
            "give a number of at least 0 and below 1, such as {0.1}, or a percentage, such as {10%}",
            (
                "window a.txt b.txt -o w -L 2 --val-fraction {0}",
                "window a.txt b.txt -o w -L 2 -f --val-fraction {1}",
            ),
            files={"b.txt": "one two three " * 20},
        ),
        Row(
            f"window a.txt -o w -L 2 --seed {1 << 64}",
            "give a number of at least 0 and below 2**64",
            f"window a.txt -o w -L 2 --seed {(1 << 64) - 1}",
        ),
    ],
    "windows/strided.py": [
        Row(
            lambda _: sliding_windows([[1, 2]], 1, 1),
            "give one flat sequence of ids",
            lambda _: sliding_windows([1, 2], 1, 1),
        ),
        Row(
            lambda _: sliding_windows([1.5, 2], 1, 1),
            "give integers",
            lambda _: sliding_windows([1, 2], 1, 1),
        ),
    ],
}
