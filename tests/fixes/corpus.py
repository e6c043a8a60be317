"""Errors of inputs: files, folders, patterns, text encodings and formats."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma

import numpy as np
from backports import zstd

from gptprep.corpus.blocks import read_blocks
from gptprep.corpus.selection import one_source
from gptprep.corpus.sources import Source, check_unchanged
from tests.fixes.rows import NO_ROOT, TEXT, Place, Row, Table, each, installed
from tests.helpers.deep_trees import clear, nest

_NEEDS_GIGABYTES = b"\x28\xb5\x2f\xfd" + b"\0" + bytes([(31 - 10) << 3]) + b"\x11\0\0" + b"ab"
"""A frame of zstd with a window of 2 GiB, and `ab` in it."""
_NOT_UTF8 = "give --errors replace or --errors skip, or name the encoding with --encoding"
_DAMAGED = "write or download the file again"


def npy(array: object) -> bytes:
    """A `.npy` file."""
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    return file.getvalue()


def pipe_in(place: Place) -> None:
    """Give a text on standard input."""
    assert place.run("encode", stdin=b"one").code == 0


def parquet(place: Place, **columns: object) -> None:
    """Write `table.parquet`."""
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table(columns), place.folder / "table.parquet")


def read_too_much(place: Place) -> None:
    """Read a file that is shorter than the plan says."""
    list(read_blocks(Source("a.txt", str(place.folder / "a.txt"), "text", stop=1000)))


def change_while_read(place: Place) -> None:
    """Change a file between the plan and the end of the work."""
    path = place.folder / "a.txt"
    source = one_source(str(path))
    path.write_text("another text of another length")
    check_unchanged(source)


def nested(place: Place) -> str:
    """Name the files of folders that are nested too deep by a pattern."""
    top = place.folder / "deep"
    nest(top, 1000, "d")
    return place.run("encode", "deep/**", "--count").err


def read_nested(place: Place) -> None:
    done = place.run("encode", "deep", "--count")
    clear(place.folder / "deep")
    assert done.code == 0, done.err


def jsonl(*lines: object) -> str:
    """JSON Lines."""
    return "".join(json.dumps(line) + "\n" for line in lines)


TABLE: Table = {
    "corpus/blocks.py": [
        Row(read_too_much, "run the same command again", "encode a.txt"),
        Row(
            "encode big.txt.zst",
            "decompress it: {zstd -d --long=31 .+}",
            ("$ {0}", "encode big.txt"),
            files={"big.txt.zst": _NEEDS_GIGABYTES},
        ),
        Row(
            "encode x.txt.gz",
            "download or compress it again",
            ("$ gzip -c a.txt > x.txt.gz", "encode x.txt.gz"),
            files={"x.txt.gz": gzip.compress(TEXT.encode())[:-5]},
        ),
        Row(
            "$ gptprep encode - <&-",
            "give a file, or pipe text in",
            ("encode a.txt", pipe_in),
        ),
        Row(
            "$ PYTHONPATH=hide:$PYTHONPATH gptprep encode a.txt.zst",
            "pip install {backports.zstd}",
            (installed, "encode a.txt.zst"),
            files={"hide/backports/__init__.py": "", "a.txt.zst": zstd.compress(TEXT.encode())},
        ),
    ],
    "corpus/text_options.py": [
        Row(
            "encode a.txt --encoding xyz",
            "try {utf-8, latin-1 or utf-16}",
            each("$ iconv -t {0} a.txt > {0}.txt || cp a.txt {0}.txt", "encode {0}.txt --encoding {0}"),
        ),
        Row(
            "encode a.txt --separator ''",
            "give the text that stands between documents",
            "encode a.txt --separator three",
        ),
    ],
    "corpus/documents.py": [
        Row(
            "encode b.txt --encoding utf-16",
            "name another encoding; without a byte order mark: {utf-16-le}, utf-16-be, utf-32-le, ...",
            "encode b.txt --encoding {0}",
            files={"b.txt": TEXT.encode("utf-16-le")},
        ),
        Row(
            "encode b.txt",
            _NOT_UTF8,
            (
                "encode b.txt --errors replace",
                "encode a.txt b.txt --errors skip",
                "encode b.txt --encoding latin-1",
            ),
            files={"b.txt": "été".encode("latin-1")},
        ),
        Row(
            "encode a.jsonl",
            "give --errors replace or --errors skip",
            ("encode a.jsonl --errors replace", "encode a.jsonl --errors skip"),
            files={"a.jsonl": jsonl({"text": "one"}, {"text": "\ud800"})},
        ),
    ],
    "corpus/folders.py": [
        Row(
            "encode s",
            "see {gptprep inspect s}; its text is that of {gptprep decode s}",
            ("{0}", "{1}"),
        ),
        Row(
            "encode empty",
            "name another folder, or the files themselves",
            ("encode mix", "encode a.txt"),
            "$ mkdir empty",
            {"mix/a.txt": "one"},
        ),
        Row(
            "encode mix --include '*.c'",
            "change --include and --exclude",
            "encode mix --include '*.py'",
            files={"mix/a.py": "one"},
        ),
        Row("encode mix", "name the files themselves", "encode mix/.x", files={"mix/.x": "one"}),
        Row(
            "encode mix",
            "give {--include .+}, or name the files themselves",
            ("encode mix {0}", "encode mix/a.PY"),
            files={"mix/a.PY": "one"},
        ),
        *(
            Row(
                f"encode {folder}",
                "name the folder itself: {.+}",
                "encode {0}",
                "$ mkdir 'my links'; ln -s ../mix 'my links/mix'",
                {"mix/a.txt": "one", "dots/.x/a.txt": "one"},
            )
            for folder in ("'my links'", "'my links' --include '*.txt'", "dots")
        ),
        Row(
            "encode 'my ids'",
            "decode them, as with {gptprep decode '.+'}, "
            r"or read all of them with {gptprep window .+ --include '\*\.BIN'}",
            ("{0} -T gpt2", "{1} -T gpt2 -o w -L 4"),
            "$ mkdir 'my ids'; cp a.bin 'my ids/x.BIN'; cp a.bin.json 'my ids/x.BIN.json'",
        ),
        Row(
            "window ids -o w -L 4",
            "give {--include .+}, or name the files themselves",
            ("window ids {0} -o w -L 4", "window ids/a.bin -o w -L 4 -f"),
            "$ mkdir ids; cp a.bin a.bin.json ids",
        ),
    ],
    "corpus/json_lines.py": [
        *(
            Row(
                "encode b.jsonl",
                "write one JSON object on each line",
                ("""$ echo '{"text": "one"}' > b.jsonl""", "encode b.jsonl"),
                files={"b.jsonl": content},
            )
            for content in ('{"text": "one"', '"one"\n')
        ),
        *(
            Row("encode b.jsonl", "give {--text-field .+}", "encode b.jsonl {0}", files={"b.jsonl": content})
            for content in (jsonl({"id": 5, "my body": "one"}), jsonl({"parts": {"my text": "two"}}))
        ),
        Row(
            "encode b.jsonl",
            "put the text in one field, with jq",
            ("$ jq -c '.|{text: .parts[0].one}' b.jsonl > c.jsonl", "encode c.jsonl"),
            files={"b.jsonl": jsonl({"parts": [{"one": "two"}]})},
        ),
        Row(
            "encode b.jsonl --text-field chat.messages",
            "join it first: {jq -c .+} FILE > JOINED.jsonl",
            ("$ {0} b.jsonl > JOINED.jsonl", "encode JOINED.jsonl"),
            files={"b.jsonl": jsonl({"chat": {"messages": [{"role": "user", "content": "one"}]}})},
        ),
        Row(
            "encode b.jsonl --text-field messages",
            "join it first: {jq -c .+} FILE > JOINED.jsonl",
            ("$ {0} b.jsonl > JOINED.jsonl", "encode JOINED.jsonl"),
            files={"b.jsonl": jsonl({"messages": [{"role": "user", "content": "one"}]})},
        ),
    ],
    "corpus/parquet.py": [
        Row(
            "encode table.parquet",
            "give {--text-field .+}",
            "encode table.parquet {0}",
            lambda place: parquet(place, id=[1], **{"my text": ["one"]}),
        ),
        Row(
            "encode table.parquet",
            "add a column of text to the table",
            (lambda place: parquet(place, id=[1], text=["one"]), "encode table.parquet"),
            lambda place: parquet(place, id=[1]),
        ),
        Row(
            "encode table.parquet",
            _DAMAGED,
            (lambda place: parquet(place, text=["one"]), "encode table.parquet"),
            files={"table.parquet": b"PAR1"},
        ),
        Row(
            "$ PYTHONPATH=hide:$PYTHONPATH gptprep encode table.parquet",
            "pip install {pyarrow}",
            (installed, "encode table.parquet"),
            lambda place: parquet(place, text=["one"]),
            {"hide/pyarrow.py": "raise ImportError"},
        ),
    ],
    "corpus/signatures.py": [
        Row(
            "encode b.txt",
            "give {--encoding utf-16}",
            "encode b.txt {0}",
            files={"b.txt": TEXT.encode("utf-16")},
        ),
        *(
            Row(
                "encode 'my file'",
                fix,
                (
                    "$ {0} > TEXT",
                    "encode TEXT",
                    *(
                        step
                        for ending in endings
                        for step in (f"$ mv 'my file' x{ending}", f"encode x{ending}")
                    ),
                ),
                files={"my file": data},
            )
            for data, fix, endings in (
                (
                    gzip.compress(TEXT.encode()),
                    "add .gz to its name, or decompress it: {gunzip -c '.+'} > TEXT",
                    [".gz"],
                ),
                (
                    zstd.compress(TEXT.encode()),
                    "add .zst to its name, or decompress it: {zstd -dc '.+'} > TEXT",
                    [".zst"],
                ),
                (bz2.compress(TEXT.encode()), "decompress it: {bzip2 -dc '.+'} > TEXT", []),
                (lzma.compress(TEXT.encode()), "decompress it: {xz -dc '.+'} > TEXT", []),
            )
        ),
        Row(
            "encode b.zip",
            "extract its text first",
            ("$ rm a.txt; python -m zipfile -e b.zip .", "encode a.txt"),
            "$ python -m zipfile -c b.zip a.txt",
        ),
        Row(
            "encode b.txt",
            "extract its text first: {pdftotext b.txt} TEXT",
            ("$ pdftotext() {{ cp a.txt $2; }}; {0} TEXT", "encode TEXT"),
            files={"b.txt": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"},
        ),
        Row(
            "encode b.txt",
            "if it holds ids, rename it so that it ends in {.npy}, "
            "and give it to {gptprep window} or {gptprep decode}",
            ("$ mv b.txt b{0}", "{1} b{0} -o w -L 4 -T gpt2", "{2} b{0} -T gpt2"),
            files={"b.txt": npy(np.arange(9))},
        ),
        Row(
            "encode a.txt mix/b.txt",
            "leave it out, or {--exclude} it",
            ("encode a.txt", "encode mix {0} b.txt"),
            files={"mix/b.txt": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "mix/c.txt": "one"},
        ),
        Row(
            "encode b.txt",
            "rename it so that it ends in {.parquet}",
            ("$ mv b.txt b{0}", "encode b{0}"),
            (lambda place: parquet(place, text=["one"]), "$ mv table.parquet b.txt"),
        ),
    ],
    "corpus/selection.py": [
        Row("encode - -", "name - once", "encode - a.txt"),
        Row(lambda place: one_source(str(place.folder)), "name one file", "decode a.bin"),
        Row(nested, "name the folder itself instead of a pattern", read_nested),
        Row("encode 'b*.txt'", "check the pattern, and quote it", "encode 'a*.txt'"),
        Row(
            f"$ {NO_ROOT} encode b.txt",
            "check the owner and the permissions",
            ("$ chmod 600 b.txt", "encode b.txt"),
            "$ cp a.txt b.txt; chmod 0 b.txt",
        ),
    ],
    "corpus/sources.py": [
        Row(
            change_while_read,
            "run the same command again when nothing writes to the file",
            "encode a.txt",
        ),
        Row(
            "encode 'my ids.bin'",
            "decode them with {gptprep decode '.+'}, or give them to {gptprep window}",
            ("{0} -T gpt2", "{1} 'my ids.bin' -T gpt2 -o w -L 4"),
            "$ cp a.bin 'my ids.bin'",
        ),
    ],
}
