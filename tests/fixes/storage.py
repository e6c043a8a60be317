"""Errors of files and folders: those of the system, outputs, manifests and arrays."""

from __future__ import annotations

import fcntl
import io
import os
import resource
import tempfile
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from gptprep.pipelines import embed
from gptprep.pipelines.embed import EmbedOptions
from gptprep.storage.files import read_regular, require_free_space
from gptprep.storage.temporary import temporary_errors, temporary_folder
from tests.fixes.rows import NO_ROOT, Place, Row, Table
from tests.helpers.deep_trees import clear, nest
from tests.helpers.folders import read_manifest, write_manifest

_TABLES = (50257 + 4) * 2 * 4
"""Bytes of the tables for the shards and `--dim 2`."""
_DAMAGED = "write or download the file again"
_REMOVE = "remove the folder and write it again"
_WRITE_AGAIN = "window a.txt -o s -L 4 --force"
_AGAIN = ("$ rm -r s", "window a.txt -o s -L 4")
_FORCE = "give {--force} to replace it, or choose another name"


def npy(array: object) -> bytes:
    """A `.npy` file."""
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    return file.getvalue()


def deep(place: Place) -> str:
    """Read a folder in which paths are too long for the system; name what says so."""
    nest(place.folder / "deep", 30, "d" * 200)
    return place.run("encode", "deep", "--count").err


def read_moved(place: Place) -> None:
    """Make the paths shorter, and read the folder."""
    clear(place.folder / "deep")
    nest(place.folder / "deep", 3, "d" * 200)
    assert place.run("encode", "deep", "--count").code == 0


def small_disk(place: Place, free: int = _TABLES + 42, **options: Any) -> None:
    """Plan embeddings on a disk of that size."""
    with (
        mock.patch("gptprep.pipelines.embed.planning.free_bytes", return_value=free),
        mock.patch("gptprep.storage.files.free_bytes", return_value=free),
    ):
        embed.plan(EmbedOptions(str(place.folder / "s"), str(place.folder / "e"), dim=2, **options))


def small_disk_saved(place: Place, _: str, limit: str) -> None:
    """Save space in both ways on the disk of that size."""
    small_disk(place, dtype="float16")
    small_disk(place, limit=int(limit))


def no_descriptor(place: Place) -> None:
    """Read a file when no more may be open."""
    lowest = os.dup(0)
    os.close(lowest)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        read_regular(str(place.folder / "a.txt"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def locked(place: Place) -> str:
    """Write an output that another process is writing."""
    (place.folder / "w.partial").mkdir()
    lock = os.open(place.folder / "w.partial", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        return place.run("window", "a.txt", "-o", "w", "-L", "4").err
    finally:
        os.close(lock)


def no_temporary_folder(_: Place, alternative: str) -> None:
    """Ask for a folder for temporary files when none can be written."""
    with mock.patch("tempfile.gettempdir", side_effect=FileNotFoundError):
        temporary_folder("counting", alternative)


def full_temporary_folder(_: Place, alternative: str) -> None:
    """Write to a folder for temporary files that is full."""
    with temporary_errors(tempfile.gettempdir(), alternative), open("/dev/full", "wb") as file:
        file.write(b"x")


def other_manifest(**changes: object) -> Callable[[Place], None]:
    """Change the manifest of the shards."""

    def change(place: Place) -> None:
        write_manifest(place.folder / "s", {**read_manifest(place.folder / "s"), **changes})

    return change


def other_shape(place: Place) -> None:
    """Replace an array of the shards by one of another shape."""
    np.save(place.folder / "s" / "train" / "inputs-00000.npy", np.zeros((1, 2), np.uint16))


TABLE: Table = {
    "errors.py": [
        Row("encode missing.txt", "check the path", "encode a.txt"),
        Row("encode a.txt/b.txt", "check the path: one of its folders is a file", "encode a.txt"),
        Row(
            f"$ {NO_ROOT} encode closed/b.txt",
            "check the owner and the permissions",
            ("$ chmod 700 closed", f"$ {NO_ROOT} encode closed/b.txt"),
            "$ mkdir closed; cp a.txt closed/b.txt; chmod 0 closed",
        ),
        Row(f"encode a.txt -o {'x' * 300}.txt", "choose a shorter name", "encode a.txt -o x.txt"),
        Row(
            "encode loop.txt",
            "remove the link: it leads back to itself",
            ("$ rm loop.txt; cp a.txt loop.txt", "encode loop.txt"),
            "$ ln -s loop.txt loop.txt",
        ),
        Row(
            "encode link.txt",
            "restore what the link leads to, or remove the link",
            ("$ cp a.txt target.txt", "encode link.txt"),
            "$ ln -s target.txt link.txt",
        ),
        Row(
            no_descriptor,
            "raise the limit on open files ({ulimit -n})",
            ("$ {0} 20; cat a.txt", "encode a.txt"),
        ),
        Row(
            "$ ulimit -f 100; gptprep encode b.txt -o b.bin -T v.json",
            "raise the file size limit ({ulimit -f}) or choose another disk",
            ("$ {0} 1000", "encode b.txt -o b.bin -T v.json"),
            files={"b.txt": "one two " * 50_000},
        ),
    ],
    "storage/files.py": [
        Row(
            lambda place: read_regular(str(place.folder / "pipe")),
            "name a file",
            "encode a.txt -T v.json",
            "$ mkfifo pipe",
        ),
        Row(
            lambda place: read_regular(str(place.folder / "v.json"), 10),
            _DAMAGED,
            ("vocab a.txt -o v.json -f", "encode a.txt -T v.json"),
        ),
        Row(
            lambda place: require_free_space(str(place.folder / "w"), 1 << 80),
            "free some space or choose another disk",
            "window a.txt -o w -L 4",
        ),
        Row(
            "embed s -o e --dim 100000000000", "give a smaller {--dim} or another disk", "embed s -o e {0} 2"
        ),
        Row(
            small_disk,
            "give --dtype float16 ({.+}), --limit {1} (fits) or another disk",
            small_disk_saved,
        ),
        Row(
            lambda place: small_disk(place, _TABLES + 1, dtype="float16"),
            "give another disk",
            lambda place: small_disk(place, 1 << 30, dtype="float16"),
        ),
        Row(deep, "move the innermost folders up", read_moved),
    ],
    "storage/json_files.py": [
        Row(
            "encode a.txt -T b.json",
            _DAMAGED,
            ("vocab a.txt -o b.json -f", "encode a.txt -T b.json"),
            files={"b.json": "{"},
        ),
    ],
    "storage/locks.py": [
        Row(
            locked,
            "wait for the other run to end, or choose another output",
            ("window a.txt -o w -L 4", "window a.txt -o x -L 4"),
        )
    ],
    "storage/npy.py": [
        Row(
            "decode b.npy -T gpt2",
            _DAMAGED,
            ("encode a.txt -o b.npy -f", "decode b.npy"),
            files={"b.npy": content},
        )
        for content in (
            b"",
            npy([1, 2])[:-1],
            npy(np.array([[1, 2], [3, 4]], order="F")),
            npy([1, 2])[:20],
            npy(["a"]),
            npy(np.array([1], ">i4")),
            b"\x93NUMPY\x09\x00" + npy([1])[8:],
        )
    ]
    + [
        Row("decode s", "write the folder again", (_WRITE_AGAIN, "decode s"), other_shape),
    ],
    "storage/publish.py": [
        Row("encode a.txt -o s", "name a file for the output", "encode a.txt -o b.txt"),
        Row("encode a.txt -o pipe", "use {-o -}", "encode a.txt {0}", "$ mkfifo pipe"),
        Row("encode a.txt -o a.txt", "choose another output", "encode a.txt -o b.txt"),
        Row("encode a.txt -o a.bin", _FORCE, ("encode a.txt -o a.bin {0}", "encode a.txt -o b.bin")),
        Row("window a.txt -o s -L 4", _FORCE, ("window a.txt -o s -L 4 {0}", "window a.txt -o t -L 4")),
        Row("window a.txt -o - -L 4", "name a folder", "window a.txt -o w -L 4"),
        Row(
            "window a.txt -o s3://bucket/w -L 4",
            "name a local file or folder, and copy it to the store when it is complete",
            "window a.txt -o w -L 4",
        ),
        Row("window a.txt -o v.json -L 4", "name a folder for the output", "window a.txt -o w -L 4"),
        Row("window a.txt -o . -L 4", "name a folder in it: {./NAME}", "window a.txt -o {0} -L 4"),
        Row("window /dev/null -o /proc -L 4", "name a folder in it: {/proc}/NAME", "window a.txt -o w -L 4"),
        Row("window s/a.txt -o s -L 4 -f", "name another output", "window s/a.txt -o w -L 4", "$ cp a.txt s"),
        Row(
            "window a.txt -o mine -L 4 -f",
            "choose another output, or remove the file or the folder yourself",
            ("window a.txt -o w -L 4", "$ rm -r mine", "window a.txt -o mine -L 4"),
            files={"mine/notes.txt": "mine"},
        ),
        Row(
            f"$ {NO_ROOT} window a.txt -o s -L 4 -f",
            "change its permissions",
            ("$ chmod u+w s", "window a.txt -o s -L 4 -f"),
            "$ chmod a-w s",
        ),
        Row("encode a.txt -o ''", "give {--output} a name", "encode a.txt {0} b.txt"),
        Row(
            "encode a.txt -o loop/b.txt",
            "remove the link, or choose another output",
            ("encode a.txt -o b.txt", "$ rm loop", "encode a.txt -o loop/b.txt"),
            "$ ln -s loop loop",
        ),
        Row(
            "window a.txt -o w -L 4",
            "move it away, or choose another output",
            ("window a.txt -o x -L 4", "$ mv w.partial mine", "window a.txt -o w -L 4"),
            files={"w.partial/notes.txt": "mine"},
        ),
    ],
    "storage/sealed.py": [
        Row("verify s3://bucket/s", "copy the folder to a local disk, and name that", "verify s"),
        *(
            Row("decode s", _REMOVE, (*_AGAIN, "decode s"), change)
            for change in (
                "$ sed -i s/train/trein/ s/manifest.json",
                "$ echo '{' > s/manifest.json",
                other_manifest(format="other"),
            )
        ),
        Row(
            "decode s",
            "install a newer gptprep, or {remove the folder and write it again}",
            (*_AGAIN, "decode s"),
            other_manifest(version=99),
        ),
        Row("decode mix", "name a folder that {`gptprep window`} wrote", "decode s", "$ mkdir mix"),
        Row(
            "verify mix",
            "name a folder that {`gptprep window` or `gptprep embed`} wrote",
            "verify s",
            "$ mkdir mix",
        ),
    ],
    "storage/temporary.py": [
        Row(
            lambda place: no_temporary_folder(place, ""),
            "set TMPDIR to a folder that can be written",
            "$ mkdir t",
        ),
        Row(
            lambda place: no_temporary_folder(place, "x"),
            "set TMPDIR to a folder that can be written, or {x}",
            "$ mkdir t",
        ),
        Row(lambda place: full_temporary_folder(place, ""), "set TMPDIR to another folder", "$ mkdir t"),
        Row(
            lambda place: full_temporary_folder(place, "x"),
            "set TMPDIR to another folder, or {x}",
            "$ mkdir t",
        ),
    ],
}
