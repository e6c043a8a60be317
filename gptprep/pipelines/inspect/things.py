"""Which kind of thing a name is: a text, a corpus, ids, shards, embeddings, weights or a tokenizer."""

import glob
import os
import re
from contextlib import suppress
from typing import Literal

from gptprep.choices import is_id_name
from gptprep.errors import GptprepError
from gptprep.storage.files import is_file, read_regular
from gptprep.storage.sealed import MANIFEST, manifest_format
from gptprep.storage.stores import is_url

Thing = Literal["text", "corpus", "ids", "shards", "embeddings", "weights", "tokenizer"]

THINGS: dict[Thing, str] = {
    "text": "a text",
    "corpus": "a corpus",
    "ids": "a file of ids",
    "shards": "a folder of shards",
    "embeddings": "a folder of embeddings",
    "weights": "a file of weights",
    "tokenizer": "a tokenizer",
}
"""What messages call them."""

_WEIGHTS = (".safetensors", ".pt", ".pth")
_TORCH_FILE = b"PK\x03\x04"
"""The first bytes of what torch.save writes, which may be named .bin."""
_NAMED = re.compile(r"[^\s/]+\.[A-Za-z0-9]{1,8}|\S*/\S*")
"""Words that look like the name of a file: with an ending, or with a slash."""


def thing_of(name: str) -> Thing:
    """The kind of a thing that a user names: by what is there, by the name of a tokenizer, otherwise a text.

    Raises:
        GptprepError: there is no such file, and the name looks like one.
    """
    if name == "-":
        return "corpus"
    if is_url(name):
        return "ids" if is_id_name(name) else "corpus"
    if os.path.isdir(name):
        return _kind_of_folder(name)
    if os.path.lexists(name):
        return _kind_of_file(name)
    if glob.has_magic(name) and glob.glob(name, recursive=True):
        return "corpus"
    if _is_encoding(name):
        return "tokenizer"
    if _NAMED.fullmatch(name):
        what, fix = f"there is no file {name}", "check the path, or give the text itself with -t"
        raise GptprepError(what, "it is read as a name, because it looks like one", fix)
    return "text"


def _kind_of_folder(path: str) -> Thing:
    if not is_file(os.path.join(path, MANIFEST)):
        return "corpus"
    from gptprep.shards.embeddings_folder import FORMAT

    return "embeddings" if manifest_format(path) == FORMAT else "shards"


def _kind_of_file(path: str) -> Thing:
    stem = path.lower()
    if stem.endswith(_WEIGHTS):
        return "weights"
    if stem.endswith(".bin"):
        with suppress(OSError), open(path, "rb") as file:
            if file.read(len(_TORCH_FILE)) == _TORCH_FILE:
                return "weights"
    if is_id_name(path):
        return "ids"
    if stem.endswith(".tiktoken") or (stem.endswith(".json") and _is_tokenizer_json(path)):
        return "tokenizer"
    return "corpus"


def _is_tokenizer_json(path: str) -> bool:
    """Whether a JSON file is an object as tokenizers have, perhaps a damaged one."""
    from gptprep.storage.json_files import parse_json

    with suppress(GptprepError):
        value = parse_json(read_regular(path), path)
        if isinstance(value, dict) and value:
            is_plain = all(type(token_id) is int for token_id in value.values())
            return is_plain or "model" in value or value.get("format") == "gptprep-vocabulary"
    return False


def _is_encoding(name: str) -> bool:
    """Whether a name is that of an encoding or a model."""
    from gptprep.tokenizers import is_tokenizer

    return is_tokenizer(name)
