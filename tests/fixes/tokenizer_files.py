"""Errors of the files of tokenizers, and of those in folders of shards."""

from __future__ import annotations

import json
import shutil
from typing import Any
from unittest import mock

from gptprep.tokenizers import load_tokenizer
from gptprep.tokenizers.folder import store_tokenizer
from gptprep.tokenizers.published import KNOWN
from gptprep.tokenizers.rank_files import load_known
from tests.fixes.rows import TEXT, Place, Row, Table, installed
from tests.helpers.bpe import BYTES, rank_lines
from tests.helpers.folders import read_manifest, write_manifest
from tests.helpers.paths import RANKS

_DAMAGED = "write or download the file again"
_BPE = "vocab a.txt --kind bpe --size 270 -o t.json"


def change_tokenizer(place: Place, name: str = "t.json", **changes: object) -> None:
    """Change entries of a `tokenizer.json`, or of its model."""
    path = place.folder / name
    value = json.loads(path.read_text())
    owner = value["model"] if changes.keys() <= value.get("model", {}).keys() else value
    owner.update(changes)
    path.write_text(json.dumps(value))


def change_manifest_tokenizer(place: Place, **changes: object) -> None:
    """Change what the manifest of the shards `s` says of the tokenizer."""
    value = read_manifest(place.folder / "s")
    value["tokenizer"] |= changes
    write_manifest(place.folder / "s", value)


def no_network(_: Place) -> None:
    """Load an encoding that is not on this machine: GPT-2's stands for one that the package does not have."""
    with mock.patch("tiktoken.load.read_file_cached", side_effect=ConnectionError):
        load_known(KNOWN["r50k_base"]._replace(sha256="0" * 64), "allow")


def downloaded(place: Place, url: str, name: str) -> None:
    """Put the file on the network here."""
    assert (url, name) == (KNOWN["r50k_base"].url, RANKS.name)
    shutil.copy(RANKS, place.folder)


def damaged_download(_: Place) -> None:
    """Load an encoding whose file in the cache is damaged."""
    with mock.patch("tiktoken.load.read_file_cached", return_value=b"damaged"):
        load_tokenizer("o200k_base")


def damaged_package(_: Place) -> None:
    """Load GPT-2's encoding from a damaged file."""
    with mock.patch("gptprep.tokenizers.rank_files._read", return_value=b"damaged"):
        load_tokenizer("gpt2")


def plugin(_: Place, **get_encoding: Any) -> None:
    """Load an encoding of a plug-in of tiktoken."""
    with mock.patch("tiktoken.get_encoding", **get_encoding):
        load_tokenizer("p50k_edit")


def changed_tokenizer(place: Place) -> None:
    """Change the file of a tokenizer before the shards are written."""
    path = place.folder / "v.json"
    tokenizer = load_tokenizer(str(path))
    path.write_text(path.read_text() + " ")
    store_tokenizer(tokenizer, str(place.folder / "s"))


def word_model(place: Place) -> None:
    """A `tokenizer.json` that has a model of words without one for unknown words."""
    vocab = {word: number for number, word in enumerate(TEXT.split())}
    model = {"type": "WordLevel", "vocab": vocab, "unk_token": "?"}
    value = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": model}
    (place.folder / "words.json").write_text(json.dumps(value))


def replace(pattern: str, content: str) -> dict[str, object]:
    """A step of a normalizer."""
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


TABLE: Table = {
    "tokenizers/folder.py": [
        Row(changed_tokenizer, "run the same command again", "window a.txt -o s -L 4 -T v.json -f"),
        Row(
            "encode a.txt -T s",
            "remove the folder and write it again",
            ("$ rm -r s", "window a.txt -o s -L 4", "encode a.txt -T s"),
            lambda place: write_manifest(
                place.folder / "s", read_manifest(place.folder / "s") | {"tokenizer": 1}
            ),
        ),
        Row(
            "decode s",
            "give the file of the right one with {--tokenizer}",
            "decode s {0} v.json",
            (
                "window a.txt -o s -L 4 -T v.json -f",
                lambda place: change_manifest_tokenizer(place, name="gpt2"),
                lambda place: write_manifest(
                    place.folder / "s", read_manifest(place.folder / "s") | {"tokenizer_file": None}
                ),
                "$ rm s/tokenizer.json",
            ),
        ),
        Row(
            "decode s",
            "write the shards again",
            ("window a.txt -o s -L 4 -T v.json -f", "decode s"),
            ("window a.txt -o s -L 4 -T v.json -f", "$ echo >> s/tokenizer.json"),
        ),
        Row(
            "decode s",
            "give the file with {--tokenizer}",
            "decode s {0} v.json",
            (
                "window a.txt -o s -L 4 -T v.json -f",
                lambda place: write_manifest(
                    place.folder / "s", read_manifest(place.folder / "s") | {"tokenizer_file": None}
                ),
                "$ rm s/tokenizer.json",
            ),
        ),
    ],
    "tokenizers/growth.py": [
        Row(
            "encode a.txt -T t.json",
            "shorten what this step inserts, or use another tokenizer",
            (
                lambda place: change_tokenizer(place, normalizer=replace("o", "b" * 9)),
                "encode a.txt -T t.json",
                "encode a.txt -T gpt2",
            ),
            (_BPE, lambda place: change_tokenizer(place, normalizer=replace("o", "b" * 9000))),
        ),
        Row(
            "encode a.txt -T t.json",
            _DAMAGED,
            (f"{_BPE} -f", "encode a.txt -T t.json"),
            (_BPE, lambda place: change_tokenizer(place, normalizer=[1])),
        ),
    ],
    "tokenizers/hf_to_tiktoken.py": [
        Row(
            "encode a.txt -T t.json",
            _DAMAGED,
            (f"{_BPE} -f", "encode a.txt -T t.json"),
            (_BPE, lambda place, changes=changes: change_tokenizer(place, **changes)),  # type: ignore[misc]
        )
        for changes in ({"merges": 1}, {"merges": [["a"]]}, {"merges": [["a", "zz"]]}, {"vocab": {"a": -1}})
    ],
    "tokenizers/hugging_face.py": [
        Row(
            "encode a.txt -T words.json --engine tiktoken",
            "leave out --engine: tokenizers encodes",
            "encode a.txt -T words.json",
            word_model,
        ),
        Row(
            "encode a.txt -T words.json",
            _DAMAGED,
            (word_model, "encode a.txt -T words.json"),
            (word_model, lambda place: change_tokenizer(place, "words.json", vocab={"one": 1 << 30})),
        ),
    ],
    "tokenizers/hf_library.py": [
        Row(
            "encode b.txt -T words.json",
            "leave out this text, or use another tokenizer",
            ("encode a.txt -T words.json", "encode b.txt -T gpt2"),
            word_model,
            {"b.txt": "eleven"},
        ),
        Row(
            "$ PYTHONPATH=hide:$PYTHONPATH gptprep encode a.txt -T words.json",
            "pip install {tokenizers}",
            (installed, "encode a.txt -T words.json"),
            word_model,
            {"hide/tokenizers.py": "raise ImportError"},
        ),
    ],
    "tokenizers/rank_files.py": [
        Row(
            no_network,
            "download {.+} on a machine with a network, copy it here and name the file: "
            r"--tokenizer {.+\.tiktoken} (or fill TIKTOKEN_CACHE_DIR)",
            (downloaded, "encode a.txt --tokenizer {1}"),
        ),
        Row(
            lambda place: plugin(place, side_effect=RuntimeError),
            "load it once with tiktoken on a machine with a network, and copy its TIKTOKEN_CACHE_DIR here",
            "encode a.txt",
        ),
        Row(
            lambda place: plugin(place, return_value=mock.Mock(_special_tokens={"": 1})),
            "remove the token from the plug-in of tiktoken that has it",
            "encode a.txt",
        ),
        Row(
            "encode a.txt -T r50k_base.tiktoken",
            "download it again, or rename it if it is a tokenizer of your own",
            (
                "$ mv r50k_base.tiktoken own.tiktoken",
                "encode a.txt -T own.tiktoken",
                lambda place: downloaded(place, KNOWN["r50k_base"].url, RANKS.name),
                "encode a.txt -T r50k_base.tiktoken",
            ),
            files={"r50k_base.tiktoken": b"".join(RANKS.read_bytes().splitlines(keepends=True)[:1000])},
        ),
        Row(damaged_download, "download the file again", "encode a.txt"),
        Row(damaged_package, "install gptprep again", "encode a.txt"),
        *(
            Row(
                "encode a.txt -T own.tiktoken",
                _DAMAGED,
                (
                    lambda place: (place.folder / "own.tiktoken").write_bytes(rank_lines(BYTES)),
                    "encode a.txt -T own.tiktoken",
                ),
                files={"own.tiktoken": data},
            )
            for data in (b"nonsense", rank_lines([*BYTES, b"a"]), rank_lines(BYTES[1:]))
        ),
    ],
    "tokenizers/vocabulary.py": [
        Row(
            "encode a.txt -T b.json",
            _DAMAGED,
            ("vocab a.txt -o b.json -f", "encode a.txt -T b.json"),
            files={"b.json": json.dumps(value)},
        )
        for value in (
            list[str](),
            {"format": "x"},
            {"format": "gptprep-vocabulary", "version": 1},
            {"a": "b"},
            {"a": 1},
            {},
        )
    ],
}
