"""Sealed JSON: its last entry is the sha256 of all bytes before it, so that no byte can change unnoticed.

A folder that gptprep wrote has a sealed manifest. It is written last: no manifest, no dataset.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.storage.files import holds_only, read_regular, sync_file
from gptprep.storage.json_files import json_bytes, parse_json, read_json

MANIFEST = "manifest.json"
_OUR_FILE = re.compile(r"[A-Za-z0-9_]{1,64}/[a-z]+-[0-9]{5,9}\.npy|weights\.safetensors")
"""The files that our manifests name. Anybody may have written a manifest, and `--force` removes the files."""
_SEAL = b',\n  "sha256": "%b"\n}\n'
_SEALED = re.compile(rb',\n  "sha256": "[^"]*"\n}\n\Z')


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
        raise CorruptDataError(f"{path} is damaged", "its sha256 does not match its bytes", "write it again")


def write_manifest(folder: str, value: Any) -> None:
    """Write the manifest of a folder, durably."""
    with open(os.path.join(folder, MANIFEST), "wb") as file:
        file.write(sealed_json(value))
        sync_file(file)


def read_manifest_json(folder: str, format_name: str, version: int) -> dict[str, Any]:
    """Read the untrusted manifest of a folder; checks its format, version and seal only.

    Raises:
        GptprepError: it cannot be read.
        CorruptDataError: it has another format or version, or has changed since it was written.
    """
    path = os.path.join(folder, MANIFEST)
    data = read_regular(path)
    value = parse_json(data, path)
    if not isinstance(value, dict) or value.get("format") != format_name:
        raise CorruptDataError(f"{path} is not a manifest of {format_name}")
    if value.get("version") != version:
        if _SEALED.search(data):  # perhaps only the version number is damaged
            check_seal(data, path)
        what = f"{path} has the version {value.get('version')!r}"
        fix = "install a newer gptprep, or write the folder again"
        raise CorruptDataError(what, f"this gptprep reads version {version}", fix)
    check_seal(data, path)
    return value


def is_own_folder(folder: str, format_name: str, files_of: Callable[[Any], Iterable[str]]) -> bool:
    """Whether a folder has a manifest of one of our formats and holds only what the manifest names.

    Args:
        files_of: gives the files that a manifest names; may fail on a damaged one.
    """
    try:
        value = read_json(os.path.join(folder, MANIFEST))
        files = list(files_of(value))
        if value["format"] != format_name or not all(map(_OUR_FILE.fullmatch, files)):
            return False
        return holds_only(folder, [MANIFEST, *files])
    except (GptprepError, KeyError, TypeError, AttributeError, ValueError):
        return False
