"""Manifests: the JSON that makes a folder a dataset. Written last; not one of its bytes can change unseen.

A manifest ends with the sha256 of all its bytes before that entry: its seal.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from gptprep.errors import DamagedData, GptprepError
from gptprep.files import holds_only, json_bytes, parse_json, read_json, read_regular, sync_file

MANIFEST = "manifest.json"
_OUR_FILE = re.compile(r"[A-Za-z0-9_]{1,64}/[a-z]+-[0-9]{5,9}\.npy|weights\.safetensors")
"""What a manifest of ours names: it may be anybody's, and what it names is going to be replaced."""
_SEAL = b',\n  "sha256": "%b"\n}\n'
_SEALED = re.compile(rb',\n  "sha256": "[^"]*"\n}\n\Z')


def sealed_json(value: Any) -> bytes:
    """An object as `json_bytes` writes it, with one entry more: the sha256 of all bytes before that entry."""
    body = json_bytes(value).removesuffix(b"\n}\n")
    return body + _SEAL % hashlib.sha256(body).hexdigest().encode()


def check_seal(data: bytes, path: str) -> None:
    """See to it that what `sealed_json` wrote has not changed since.

    Raises:
        DamagedData: it has.
    """
    body = data[: -len(_SEAL % (b"0" * 64))]
    if data != body + _SEAL % hashlib.sha256(body).hexdigest().encode():
        why = "it is not as it was written: its sha256 is another"
        raise DamagedData(f"{path} is damaged", why, "write it again")


def write_manifest(folder: str, value: Any) -> None:
    """Write the manifest of a folder, durably: it is what makes the folder whole."""
    with open(os.path.join(folder, MANIFEST), "wb") as file:
        file.write(sealed_json(value))
        sync_file(file)


def read_manifest_json(folder: str, form: str, version: int) -> dict[str, Any]:
    """The manifest of a folder that may hold anything, its seal checked and nothing else.

    Raises:
        GptprepError: it cannot be read.
        DamagedData: it is of another format or version, or not as it was written.
    """
    path = os.path.join(folder, MANIFEST)
    data = read_regular(path)
    value = parse_json(data, path)
    if not isinstance(value, dict) or value.get("format") != form:
        raise DamagedData(f"{path} is not a manifest of {form}")
    if value.get("version") != version:
        if _SEALED.search(data):  # or is it only the number that is damaged?
            check_seal(data, path)
        raise DamagedData(
            f"{path} has the version {value.get('version')!r}",
            f"this gptprep reads version {version}",
            "install a newer gptprep, or write the folder again",
        )
    check_seal(data, path)
    return value


def is_own_folder(folder: str, form: str, files_of: Callable[[Any], Iterable[str]]) -> bool:
    """Whether a folder holds a manifest of a format of ours, and nothing that the manifest does not name.

    Args:
        files_of: the files that a manifest names; may fail on one that is damaged.
    """
    try:
        value = read_json(os.path.join(folder, MANIFEST))
        files = list(files_of(value))
        if value["format"] != form or not all(map(_OUR_FILE.fullmatch, files)):
            return False
        return holds_only(folder, [MANIFEST, *files])
    except (GptprepError, KeyError, TypeError, AttributeError, ValueError):
        return False
