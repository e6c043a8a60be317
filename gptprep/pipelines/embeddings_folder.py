"""The folder that `embed` writes: what is in it, and reading its manifest without trusting it."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from gptprep.errors import DamagedData
from gptprep.manifests import MANIFEST, is_own_folder, read_manifest_json
from gptprep.shards import ArrayFile, array_file

FORMAT = "gptprep-embeddings"
VERSION = 3
WEIGHTS = "weights.safetensors"


def is_embeddings_folder(path: str) -> bool:
    """Whether a folder is the work of `embed`, of any version, and nothing else lies in it."""
    return is_own_folder(path, FORMAT, _named_files)


def _named_files(manifest: Any) -> list[str]:
    arrays = (array for split in manifest["splits"].values() for array in split["embeddings"])
    return [manifest["weights"]["file"], *(array["file"] for array in arrays)]


class EmbeddingsManifest(NamedTuple):
    """What a manifest of embeddings says of the files."""

    dtype: str
    windows: dict[str, int]
    arrays: tuple[ArrayFile, ...]
    weights_bytes: int
    weights_sha256: str

    def files(self) -> list[str]:
        """All that it names."""
        return [WEIGHTS, *(array.file for array in self.arrays)]


def read_embeddings_manifest(folder: str) -> EmbeddingsManifest:
    """Read the manifest of a folder of embeddings that may hold anything.

    Raises:
        GptprepError: it cannot be read.
        DamagedData: it is not whole or not as it was written, or names files outside the folder.
    """
    path = os.path.join(folder, MANIFEST)
    value = read_manifest_json(folder, FORMAT, VERSION)
    try:
        if value["dtype"] not in ("float32", "float16") or value["weights"]["file"] != WEIGHTS:
            raise ValueError("its dtype or its weights are not those of embeddings")
        row = (value["context_length"], value["dim"])
        if not all(type(size) is int and 1 <= size < 1 << 40 for size in row):
            raise ValueError(f"a window has the shape {row}")
        arrays = []
        for name, split in value["splits"].items():
            found = [array_file(name, "embeddings", n, array) for n, array in enumerate(split["embeddings"])]
            if any(array.shape[1:] != row for array in found):
                raise ValueError(f"the shapes of {name} are not those of windows")
            if sum(array.shape[0] for array in found) != split["windows"]:
                raise ValueError(f"the windows of {name} do not add up")
            arrays += found
        windows = {name: int(split["windows"]) for name, split in value["splits"].items()}
        size, sha256 = value["weights"]["bytes"], value["weights"]["sha256"]
        if type(size) is not int or not isinstance(sha256, str):
            raise ValueError(f"its weights have {size!r} bytes and the sha256 {sha256!r}")
        return EmbeddingsManifest(value["dtype"], windows, tuple(arrays), size, sha256)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DamagedData(f"{path} is damaged", f"{type(error).__name__}: {error}") from error
