"""Where a file of ids comes from: a sealed JSON file beside it, `x.bin.json` for `x.bin`.

It names the tokenizer by its fingerprint, and has the dtype, the number of ids and the sha256 of the file, so
that nobody reads the ids of one tokenizer as those of another. When a file of ids is replaced, its old
provenance is removed first and the new one is written last: a kill leaves ids without provenance, never with
a wrong one.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

from gptprep.errors import CorruptDataError, GptprepError, os_errors
from gptprep.storage.files import is_file, read_regular
from gptprep.storage.json_files import parse_json
from gptprep.storage.publish import check_file_output, publish_file
from gptprep.storage.sealed import check_seal, sealed_json
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.id_file import IdFile, id_dtype
from gptprep.units import MIB

FORMAT, VERSION = "gptprep-ids", 1
_DTYPES = ("uint16", "uint32")
_MAX_BYTES = MIB


class TokenizerRecord(NamedTuple):
    """Which tokenizer made some ids."""

    name: str
    n_vocab: int
    eot: int | None
    fingerprint: str

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Self:
        """What is stored with the ids of a tokenizer."""
        return cls(tokenizer.name, tokenizer.n_vocab, tokenizer.eot, tokenizer.fingerprint)


class Provenance(NamedTuple):
    """What made a file of ids."""

    tokenizer: TokenizerRecord
    dtype: str
    ids: int
    """How many there are."""
    ids_sha256: str
    """The sha256 of the whole file of ids."""
    made_from_sha256: str | None = None
    """Of the inputs, options and tokenizer, if the run was to skip the work where they are the same."""

    def to_json(self) -> dict[str, Any]:
        """What the file holds."""
        return {"format": FORMAT, "version": VERSION, **self._asdict()}


def provenance_path(path: str) -> str:
    """The file beside a file of ids that says where they come from; links are followed."""
    return f"{os.path.realpath(path) if os.path.islink(path) else path}.json"


def read_provenance(path: str) -> Provenance | None:
    """The provenance of a file of ids; None if there is no file of ours beside it.

    Raises:
        GptprepError: it cannot be read.
        CorruptDataError: it is damaged, or the file of ids has another dtype or number of ids.
    """
    beside = provenance_path(path)
    if not is_file(beside):
        return None
    data = read_regular(beside, _MAX_BYTES)
    if not _is_ours(data):
        return None
    found = _parse(data, beside)
    with IdFile(path, np.dtype(found.dtype).newbyteorder("<")) as file:
        if (file.dtype.name, len(file)) != (found.dtype, found.ids):
            what = f"{path} has {len(file):,} ids of {file.dtype.name}"
            why = f"{beside} is about {found.ids:,} of {found.dtype}"
            raise CorruptDataError(what, why, f"write {path} again, or remove {beside}")
    return found


def _is_ours(data: bytes) -> bool:
    """Whether a JSON file beside a file of ids is a provenance, if perhaps a damaged one."""
    return FORMAT.encode() in data[:200]


def _parse(data: bytes, path: str) -> Provenance:
    fix = f"write the ids again, or remove {path}"
    try:
        value = parse_json(data, path)
        version = value["version"]
        if version == VERSION:
            check_seal(data, path)
            return _checked(value)
    except (CorruptDataError, KeyError, TypeError, ValueError, AttributeError) as error:
        why = error.why if isinstance(error, CorruptDataError) else f"{type(error).__name__}: {error}"
        raise CorruptDataError(f"{path} is damaged", why, fix) from error
    what, why = f"{path} has the version {version!r}", f"this gptprep reads version {VERSION}"
    raise CorruptDataError(what, why, f"install a newer gptprep, or {fix}")


def _checked(value: dict[str, Any]) -> Provenance:
    """The provenance in a JSON object.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    numbers = value["ids"], value["tokenizer"]["n_vocab"]
    texts = value["ids_sha256"], value["tokenizer"]["name"], value["tokenizer"]["fingerprint"]
    is_valid = all(type(n) is int and n >= 0 for n in numbers) and all(type(t) is str for t in texts)
    made_from = value.get("made_from_sha256")
    if not is_valid or value["dtype"] not in _DTYPES or not isinstance(made_from, str | None):
        raise ValueError("an entry has the wrong type")
    record = TokenizerRecord(**value["tokenizer"])
    return Provenance(record, value["dtype"], value["ids"], value["ids_sha256"], made_from)


def check_provenance_output(path: str, *, inputs: list[str]) -> None:
    """Check before the work whether the provenance of a file of ids may be written.

    Raises:
        GptprepError: as `check_file_output`, or a file of somebody else has its name.
    """
    beside = provenance_path(path)
    is_there = os.path.exists(beside)
    if not is_there or os.path.isfile(beside):
        check_file_output(beside, force=True, inputs=inputs)
    if is_there and not (os.path.isfile(beside) and _is_ours(read_regular(beside))):
        what = f"{beside} already exists and was not written by gptprep"
        why = f"this name is needed for what made the ids in {path}"
        raise GptprepError(what, why, "move it away, or choose another output")


class IdOutput:
    """A file of ids that is being written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._ids: int | None = None
        self._sha256 = ""

    def finish(self, ids: int, sha256: str = "") -> None:
        """Say how many ids were written, and the sha256 of the file if it is known."""
        self._ids, self._sha256 = ids, sha256

    def provenance(self, tokenizer: Tokenizer, made_from: str | None) -> Provenance:
        """What to write beside the finished file."""
        self.file.flush()
        self.file.seek(0)
        if not self._sha256:
            with open(self.file.fileno(), "rb", closefd=False) as file:
                self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        record, dtype = TokenizerRecord.of(tokenizer), id_dtype(tokenizer.n_vocab).name
        return Provenance(record, dtype, self._ids or 0, self._sha256, made_from)


@contextmanager
def publish_ids(
    path: str, tokenizer: Tokenizer, *, force: bool, made_from: str | None = None
) -> Iterator[IdOutput]:
    """A file of ids and its provenance, which appear if the block succeeds, and not at all otherwise.

    The lock on the provenance is held until both are there. Raises as `publish_file`.

    Args:
        made_from: the `Provenance.made_from_sha256`.
    """
    beside = provenance_path(path)
    with ExitStack() as stack:
        provenance_file = stack.enter_context(publish_file(beside, force=True, shown=path))
        output = IdOutput(stack.enter_context(publish_file(path, force=force)))
        yield output
        provenance_file.write(sealed_json(output.provenance(tokenizer, made_from)))
        output.file.seek(0, os.SEEK_END)
        with os_errors("replace", beside), suppress(FileNotFoundError):
            os.unlink(beside)
