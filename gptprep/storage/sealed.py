"""Sealed JSON: its last entry is the sha256 of all bytes before it, so that no byte can change unnoticed.

A folder that gptprep wrote has a sealed manifest. It is written last: no manifest, no dataset.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.storage.files import foreign_entry, is_file, read_regular, sync_file
from gptprep.storage.json_files import json_bytes, parse_json, read_json
from gptprep.storage.stores import check_url, is_url

MANIFEST = "manifest.json"
SHARDS_FORMAT, SHARDS_VERSIONS = "gptprep-shards", (3, 4)
"""Of shard folders, which two rooms read; the last version is written."""
COPY_FOLDER = "copy the folder to a local disk, and name that"
"""The fix for shards and embeddings in an object store."""
REMOVE = "remove the folder and write it again"
"""The fix for a damaged manifest: `--force` replaces only folders whose manifest says what is in them."""
TOKENIZER_FILES = {".json": "tokenizer.json", ".tiktoken": "tokenizer.tiktoken"}
"""The names of a tokenizer's file in a shard folder, by the ending of the user's file."""
_OUR_FILE = re.compile(
    r"[A-Za-z0-9_]{1,64}/[a-z]+-[0-9]{5,9}\.npy|weights\.safetensors|tokenizer\.(json|tiktoken)"
)
"""The files that our manifests name. Anybody may have written a manifest, and `--force` removes the files."""
_SEAL = b',\n  "sha256": "%b"\n}\n'
_SEALED = re.compile(rb',\n  "sha256": "[^"]*"\n}\n\Z')


class StoredFile(NamedTuple):
    """A file of a folder, as its manifest describes it."""

    file: str
    bytes: int
    sha256: str


def parse_tokenizer_file(value: Any) -> StoredFile | None:
    """What an untrusted manifest says of the file of its tokenizer.

    Raises:
        KeyError, TypeError, ValueError: it is not a description of one.
    """
    if value is None:
        return None
    stored = StoredFile(value["file"], value["bytes"], value["sha256"])
    is_known = stored.file in TOKENIZER_FILES.values() and type(stored.sha256) is str
    if not is_known or type(stored.bytes) is not int or stored.bytes < 0:
        raise ValueError(f"the file of the tokenizer is {stored.file!r}")
    return stored


class SealedManifest(NamedTuple):
    """The manifest of a folder, as it was read at one moment."""

    value: dict[str, Any]
    sha256: str
    """Of all bytes of the file."""


def sealed_json(value: Any) -> bytes:
    """An object as `json_bytes` writes it, with one more entry: the sha256 of all bytes before that entry."""
    body = json_bytes(value).removesuffix(b"\n}\n")
    return body + _SEAL % hashlib.sha256(body).hexdigest().encode()


def check_seal(data: bytes, path: str) -> None:
    """Check that the bytes are still those that `sealed_json` gave.

    Raises:
        CorruptDataError: they are not.
    """
    body = data[: -len(_SEAL % (b"0" * 64))]
    if data != body + _SEAL % hashlib.sha256(body).hexdigest().encode():
        raise CorruptDataError(f"{path} is damaged", "its sha256 does not match its bytes", REMOVE)


def write_manifest(folder: str, value: Any) -> None:
    """Write the manifest of a folder, durably."""
    with open(os.path.join(folder, MANIFEST), "wb") as file:
        file.write(sealed_json(value))
        sync_file(file)


def read_manifest_json(folder: str, format_name: str, versions: Sequence[int]) -> SealedManifest:
    """Read the untrusted manifest of a folder; checks its format, version and seal only.

    Raises:
        GptprepError: it cannot be read.
        CorruptDataError: it has another format or version, or has changed since it was written.
    """
    path = os.path.join(folder, MANIFEST)
    data = read_regular(path)
    try:
        value = parse_json(data, path)
    except CorruptDataError as error:
        raise CorruptDataError(error.what, error.why, REMOVE) from error
    if not isinstance(value, dict) or value.get("format") != format_name:
        raise CorruptDataError(f"{path} is not a manifest of {format_name}", fix=REMOVE)
    if value.get("version") not in versions:
        if _SEALED.search(data):  # perhaps only the version number is damaged
            check_seal(data, path)
        what = f"{path} has the version {value.get('version')!r}"
        fix = f"install a newer gptprep, or {REMOVE}"
        raise CorruptDataError(what, f"this gptprep reads {' and '.join(map(str, versions))}", fix)
    check_seal(data, path)
    return SealedManifest(value, hashlib.sha256(data).hexdigest())


def manifest_format(folder: str) -> str | None:
    """The format that the manifest of a folder gives; None if there is none that can be read."""
    try:
        value = read_json(os.path.join(folder, MANIFEST))
    except GptprepError:
        return None
    return str(value.get("format")) if isinstance(value, dict) else None


def require_manifest(folder: str, kind: str, verbs: str) -> None:
    """Check that a path is a folder with a manifest.

    Args:
        kind: what it should be, for the error.
        verbs: what writes such a folder.

    Raises:
        GptprepError: it is not.
    """
    if is_url(folder):
        check_url(folder)
        why = f"{kind} is read from a local disk"
        raise GptprepError(f"cannot read {folder} in its store", why, COPY_FOLDER)
    if is_file(os.path.join(folder, MANIFEST)):
        return
    why = "there is no such folder"
    if os.path.isdir(folder):
        why = f"it has no {MANIFEST}"
    elif os.path.exists(folder):
        why = "it is a file"
    raise GptprepError(f"{folder} is not {kind}", why, f"name a folder that {verbs} wrote")


def not_ours(folder: str, format_name: str, files_of: Callable[[Any], Iterable[str]]) -> str:
    """Why a folder may not be replaced; empty if its manifest is of one of our formats and names all in it.

    Args:
        files_of: gives the files that a manifest names; may fail on a damaged one.
    """
    path = os.path.join(folder, MANIFEST)
    if not os.path.lexists(path):
        return f"it has no {MANIFEST}"
    try:
        value = read_json(path)
        if value["format"] != format_name:
            return f"its {MANIFEST} is not one of {format_name}"
        files = list(files_of(value))
        if foreign := next((file for file in files if not _OUR_FILE.fullmatch(file)), None):
            return f"its {MANIFEST} names {foreign[:80]!r}, which gptprep does not write"
        if foreign := foreign_entry(folder, [MANIFEST, *files]):
            return f"{foreign} is not in its {MANIFEST}"
    except (GptprepError, OSError, KeyError, TypeError, AttributeError, ValueError):
        return f"its {MANIFEST} is damaged"
    return ""
