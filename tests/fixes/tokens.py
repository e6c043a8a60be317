"""Errors of ids on disk: files of ids, what made them, and token streams."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np

from gptprep.corpus.selection import select_sources
from gptprep.storage.sealed import sealed_json
from gptprep.tokens.id_file import IdFile, id_dtype
from gptprep.tokens.parts import encode_part, plan_tasks
from gptprep.tokens.spec import EncodingSpec
from gptprep.tokens.stream import TokenStream
from tests.fixes.rows import Place, Row, Table

_DAMAGED = "write or download the file again"
_AGAIN = "encode a.txt -o a.bin -f"


def npy(array: object) -> bytes:
    """A `.npy` file."""
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    return file.getvalue()


def changed_tokenizer(place: Place) -> None:
    """Encode a part with another tokenizer than the one that the plan was made with."""
    spec = EncodingSpec("gpt2")
    sources = select_sources([str(place.folder / "a.txt")]).sources
    [task] = plan_tasks(sources, str(place.folder), spec.load_tokenizer(), spec)
    encode_part(replace(task, identity="another"))


def read_too_much(place: Place) -> None:
    """Read a file of ids that became shorter after it was opened."""
    path = place.folder / "a.bin"
    with IdFile(str(path), np.dtype("<u2")) as file:
        path.write_bytes(b"")
        file.read(0, 5)


def provenance(**changes: Any) -> Any:
    """Change the provenance of `a.bin`."""

    def change(place: Place) -> None:
        path = place.folder / "a.bin.json"
        value = json.loads(path.read_text())
        del value["sha256"]
        path.write_bytes(sealed_json(value | changes))

    return change


TABLE: Table = {
    "tokens/counts.py": [
        Row("encode b.txt", "give some text", "encode a.txt", files={"b.txt": ""}),
        Row(
            "encode b.txt --errors skip",
            "give {--errors replace}",
            "encode b.txt {0}",
            files={"b.txt": b"\xff"},
        ),
    ],
    "tokens/encoder.py": [
        Row(
            "encode a.txt b.txt -T n.json -o x.bin",
            "build the vocabulary with <|endoftext|> (the default), or give one document",
            (
                "encode a.txt -T n.json -o x.bin",
                "vocab a.txt b.txt -o n.json -f",
                "encode a.txt b.txt -T n.json -o x.bin -f",
            ),
            "vocab a.txt b.txt -o n.json --no-special-tokens",
            {"b.txt": "one"},
        ),
        Row(
            "encode a.txt b.txt -T t.json -o x.bin",
            r"give one document, or a tokenizer that has one of {<\|endoftext\|>.+}",
            (
                "encode a.txt -T t.json -o x.bin",
                "vocab a.txt --kind bpe --size 270 -o u.json",
                "encode a.txt b.txt -T u.json -o x.bin -f",
            ),
            "vocab a.txt --kind bpe --size 270 -o t.json --no-special-tokens",
            {"b.txt": "one"},
        ),
    ],
    "tokens/id_file.py": [
        Row(
            "window a.bin -o w -L 4 -T v.json",
            "name the tokenizer that the ids were made with: {--tokenizer}",
            "window a.bin -o w -L 4 {0} gpt2",
            "$ rm a.bin.json",
        ),
        Row(
            "window pipe.bin -o w -L 4 -T gpt2",
            "give a file that ids were written to",
            "window a.bin -o w -L 4 -T gpt2",
            "$ mkfifo pipe.bin",
        ),
        Row(
            "decode b.npy -T gpt2",
            "give a flat array of whole numbers, or a whole folder of shards to decode",
            ("decode c.npy -T gpt2", "decode s"),
            files={"b.npy": npy([[1, 2]]), "c.npy": npy([1, 2])},
        ),
        Row(
            "decode b.bin -T gpt2",
            "write or download it again, or give {--input-dtype} if it has another one",
            (
                "encode a.txt -o c.bin",
                "decode c.bin",
                "$ cp s.bin b.bin",
                "decode b.bin -T gpt2 {0} uint32",
            ),
            files={"b.bin": b"\1\0\2", "s.bin": b"\1\0\0\0\2\0\0\0"},
        ),
        Row(read_too_much, _DAMAGED, (_AGAIN, "decode a.bin")),
        Row(lambda _: id_dtype(1 << 33), "use another tokenizer", "encode a.txt -T gpt2"),
    ],
    "tokens/id_inputs.py": [
        Row(
            "decode a.bin",
            "name the tokenizer with {--tokenizer}",
            "decode a.bin {0} gpt2",
            "$ rm a.bin.json",
        ),
        Row(
            "decode b.bin",
            "give its file with {--tokenizer}",
            "decode b.bin {0} elsewhere/n.json",
            (
                "vocab a.txt -o n.json",
                "encode a.txt -T n.json -o b.bin",
                "$ mkdir elsewhere; mv n.json elsewhere",
            ),
        ),
        Row(
            "decode a.bin -T v.json", "give {--tokenizer} with the one that made it", "decode a.bin {0} gpt2"
        ),
        Row(
            "decode b.bin -T gpt2",
            "give {--input-dtype uint32}, or {--input-dtype uint16} if that is right",
            ("decode b.bin -T gpt2 {0}", "decode b.bin -T gpt2 {1}"),
            files={"b.bin": np.arange(1, 10, dtype="<u4").tobytes()},
        ),
    ],
    "tokens/spec.py": [Row(changed_tokenizer, "run the same command again", "encode a.txt -o x.bin")],
    "tokens/provenance.py": [
        Row(
            "decode a.bin",
            "write {a.bin} again, or remove {a.bin.json}",
            ("encode a.txt -o {0} -f", "decode {0}", "$ rm {1}", "decode {0} -T gpt2"),
            "$ head -c 4 a.bin > b; mv b a.bin",
        ),
        Row(
            "decode a.bin",
            "write the ids again, or remove {a.bin.json}",
            (_AGAIN, "decode a.bin", "$ rm {0}", "decode a.bin -T gpt2"),
            "$ sed -i s/gpt2/gpt3/ a.bin.json",
        ),
        Row(
            "decode a.bin",
            "install a newer gptprep, or {write the ids again, or remove a.bin.json}",
            (_AGAIN, "decode a.bin", "$ rm a.bin.json", "decode a.bin -T gpt2"),
            provenance(version=99),
        ),
        *(
            Row(
                "encode a.txt -o x.bin",
                "move it away, or choose another output",
                ("encode a.txt -o y.bin", "$ mv x.bin.json mine", "encode a.txt -o x.bin"),
                before,
            )
            for before in ("$ echo mine > x.bin.json", "$ mkdir x.bin.json", "$ mkfifo x.bin.json")
        ),
    ],
    "tokens/stream.py": [
        Row(
            lambda place: TokenStream(((str(place.folder / "a.bin"), 99),), np.dtype("<u2"), 99).read(0, 99),
            _DAMAGED,
            (_AGAIN, "decode a.bin"),
        )
    ],
}
