"""Shard folders: made in one call, read, compared, and changed with their manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from gptprep.pipelines import window as pipeline
from gptprep.pipelines.window import WindowOptions, WindowReport, WindowSpec
from gptprep.storage.sealed import sealed_json
from gptprep.tokens.spec import EncodingSpec

_SPEC = {field.name for field in fields(WindowSpec)}


def window_options(inputs: list[str | Path], output: str | Path, **options: Any) -> WindowOptions:
    """Options of `window`: those of `WindowOptions` and of `WindowSpec` together; one worker."""
    spec = {name: options.pop(name) for name in list(options) if name in _SPEC}
    paths = tuple(map(str, inputs))
    usual = {"workers": 1, "encoding": EncodingSpec("gpt2"), "input_dtype": "uint16"}
    return WindowOptions(paths, str(output), WindowSpec(**spec), **{**usual, **options})


def window(inputs: list[str | Path], output: str | Path, **options: Any) -> WindowReport:
    """Write a shard folder; options as for `window_options`."""
    return pipeline.run(pipeline.plan(window_options(inputs, output, **options)))


def make_shards(folder: Path, **options: Any) -> Path:
    """A small shard folder `out` of one repetitive document: several shards in train, a val split."""
    text = folder / "a.txt"
    text.write_text("one two three four five six seven eight nine ten " * 20)
    usual = {"context_length": 8, "stride": 4, "val_fraction": "0.2", "shard_size": 1000}
    window([text], folder / "out", **{**usual, **options})
    return folder / "out"


def make_varied_shards(folder: Path, **options: Any) -> Path:
    """A small shard folder `s` of ten documents of many lengths: several shards in train, a val split."""
    lengths = (30, 1, 3, 50, 8, 2, 40, 17, 9, 4)
    for number, length in enumerate(lengths):
        line = " ".join(f"word{n * length}" for n in range(length))
        (folder / f"{number}.txt").write_text(line)
    usual = {"context_length": 8, "stride": 5, "val_fraction": "0.3", "shard_size": 400}
    window([folder / "*.txt"], folder / "s", **{**usual, **options})
    return folder / "s"


def contents(top: Path) -> dict[str, bytes]:
    """The bytes of all files in a folder, by name."""
    files = (path for path in sorted(top.rglob("*")) if path.is_file())
    return {str(path.relative_to(top)): path.read_bytes() for path in files}


def stored_windows(shards: Path, split: str, side: str) -> list[list[int]]:
    """The inputs or targets in the files of a split, shard by shard."""
    return [ids for path in sorted((shards / split).glob(f"{side}-*")) for ids in np.load(path).tolist()]


def read_manifest(folder: Path) -> Any:
    """What a manifest says, without its own sha256."""
    value = json.loads((folder / "manifest.json").read_text())
    del value["sha256"]
    return value


def write_manifest(folder: Path, value: Any) -> None:
    """A manifest with a valid seal, whatever it holds."""
    (folder / "manifest.json").write_bytes(sealed_json(value))


def change_array(folder: Path, file: str, change: Callable[[Any], object]) -> None:
    """Change an array in place, and its sha256 in the manifest, as if it had been written so."""
    array = np.load(folder / file)
    change(array)
    np.save(folder / file, array)
    manifest = read_manifest(folder)
    for split in manifest["splits"].values():
        for shard in split["shards"] + split["table"]:
            for entry in shard.values():
                if entry["file"] == file:
                    entry["sha256"] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    write_manifest(folder, manifest)
