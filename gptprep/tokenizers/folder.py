"""The tokenizer of a shard folder: its file is stored with the ids, so that anybody can decode them."""

import hashlib
import os
from collections.abc import Callable

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.storage.files import read_regular, sync_file
from gptprep.storage.sealed import (
    MANIFEST,
    REMOVE,
    SHARDS_FORMAT,
    SHARDS_VERSIONS,
    TOKENIZER_FILES,
    StoredFile,
    parse_tokenizer_file,
    read_manifest_json,
    require_manifest,
)
from gptprep.tokenizers.base import Tokenizer
from gptprep.tokenizers.published import KNOWN
from gptprep.tokenizers.rank_files import known_names, load_known


def store_tokenizer(tokenizer: Tokenizer, folder: str) -> StoredFile | None:
    """Copy the file that a tokenizer was loaded from into a folder.

    Returns:
        What the manifest says of it; None if the tokenizer has a name that every gptprep knows, or GPT-2's
        ids.

    Raises:
        GptprepError: the file has changed since it was loaded.
    """
    path, sha256 = tokenizer.file
    if not path or _is_gpt2(tokenizer):
        return None
    data = read_regular(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise GptprepError(f"{path} changed while it was used", fix="run the same command again")
    name = TOKENIZER_FILES[os.path.splitext(path)[1]]
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)
        sync_file(file)
    return StoredFile(name, len(data), sha256)


def load_from_folder(folder: str, load: Callable[[str], Tokenizer]) -> Tokenizer:
    """The tokenizer that made the ids of a shard folder.

    Args:
        load: loads a tokenizer by its name or path.

    Raises:
        GptprepError: it is not a shard folder, or has only the name of a tokenizer of the user's own.
        CorruptDataError: its manifest or the file of the tokenizer is damaged.
    """
    require_manifest(folder, "a tokenizer or a folder of shards", "`gptprep window`")
    value = read_manifest_json(folder, SHARDS_FORMAT, SHARDS_VERSIONS).value
    try:
        name, fingerprint = os.path.basename(value["tokenizer"]["name"]), value["tokenizer"]["fingerprint"]
        stored = parse_tokenizer_file(value.get("tokenizer_file"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        path = os.path.join(folder, MANIFEST)
        raise CorruptDataError(f"{path} is damaged", f"{type(error).__name__}: {error}", REMOVE) from error
    tokenizer = _stored(folder, stored, load) if stored else _named(folder, name, fingerprint, load)
    if tokenizer.fingerprint != fingerprint:
        what, why = f"{folder} was not made with this {name}", "their fingerprints differ"
        raise GptprepError(what, why, "give the file of the right one with --tokenizer")
    tokenizer.name = name
    return tokenizer


def _stored(folder: str, stored: StoredFile, load: Callable[[str], Tokenizer]) -> Tokenizer:
    path = os.path.join(folder, stored.file)
    tokenizer = load(path)
    if tokenizer.file[1] != stored.sha256:
        what, why = f"{path} is damaged", "its sha256 does not match the manifest"
        raise CorruptDataError(what, why, "write the shards again")
    return tokenizer


def _named(folder: str, name: str, fingerprint: str, load: Callable[[str], Tokenizer]) -> Tokenizer:
    if name in known_names():
        return load(name)
    gpt2 = load("gpt2")
    if gpt2.fingerprint == fingerprint:  # from another file with the same ids
        return gpt2
    what, why = f"{folder} does not hold its tokenizer", f"it has only the name, {name}"
    raise GptprepError(what, why, "give the file with --tokenizer")


def _is_gpt2(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer gives GPT-2's ids; GPT-2's is loaded only if the special tokens are the same."""
    gpt2 = KNOWN["gpt2"]
    is_similar = tokenizer.special_tokens == gpt2.special_tokens
    return is_similar and tokenizer.fingerprint == load_known(gpt2, "allow").fingerprint
