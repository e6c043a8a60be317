"""Inputs that are ids already: which tokenizer made them, and how their numbers are stored."""

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gptprep.choices import RawDtype
from gptprep.corpus.sources import Source
from gptprep.errors import GptprepError
from gptprep.tokenizers import Tokenizer, is_tokenizer
from gptprep.tokens.id_file import IdFile, id_dtype
from gptprep.tokens.provenance import Provenance, TokenizerRecord, provenance_path, read_provenance
from gptprep.tokens.spec import EncodingSpec

_FIRST_IDS = 1 << 16
"""Ids of a raw file that are looked at to see whether it has another dtype."""
_FEWEST_IDS = 4


def resolve(
    spec: EncodingSpec, sources: Sequence[Source], raw_dtype: RawDtype | None = None
) -> tuple[EncodingSpec, Tokenizer, list[Source]]:
    """The tokenizer of a run, named in its spec, and the sources with the dtypes of their ids.

    Args:
        spec: if it names no tokenizer, that of the ids is taken, or GPT-2's for text.
        raw_dtype: the dtype of `.bin` files whose provenance is not known; None for the usual one of the
            vocabulary.

    Raises:
        GptprepError: a file of ids does not say what made it and no tokenizer is named; or it was made with
            another tokenizer; or it seems to have another dtype.
        CorruptDataError: the provenance of a file is damaged, or not about this file.
    """
    found = {source.path: read_provenance(source.path) for source in sources if source.kind == "ids"}
    if spec.tokenizer is None and found:
        spec = replace(spec, tokenizer=_tokenizer_of(found))
    tokenizer = spec.load_tokenizer()
    for path, provenance in found.items():
        if provenance and provenance.tokenizer.fingerprint != tokenizer.fingerprint:
            raise _made_with_another(path, provenance.tokenizer, tokenizer)
    return spec, tokenizer, [_with_dtype(source, found, tokenizer, raw_dtype) for source in sources]


def _tokenizer_of(found: dict[str, Provenance | None]) -> str:
    """The name or path of the tokenizer that made the files."""
    for path, provenance in found.items():
        if provenance is None:
            what, why = f"{path} does not say which tokenizer made it", f"there is no {provenance_path(path)}"
            raise GptprepError(what, why, "name the tokenizer with --tokenizer")
    path, record = next((path, found.tokenizer) for path, found in found.items() if found)
    name = os.path.basename(record.name)
    for candidate in (name, os.path.join(os.path.dirname(path), name)):
        if is_tokenizer(candidate):
            return candidate
    what, why = f"{path} was made with the tokenizer {name}", f"there is no {name} here, nor beside it"
    raise GptprepError(what, why, "give its file with --tokenizer")


def _made_with_another(path: str, record: TokenizerRecord, tokenizer: Tokenizer) -> GptprepError:
    why = f"it was made with {record.name}, which has {record.n_vocab:,} ids"
    if (record.name, record.n_vocab) == (tokenizer.name, tokenizer.n_vocab):
        why = f"it was made with another {record.name}"
    what = f"{path} was not made with the tokenizer {tokenizer.name}"
    return GptprepError(what, why, "give --tokenizer with the one that made it")


def _with_dtype(
    source: Source,
    found: dict[str, Provenance | None],
    tokenizer: Tokenizer,
    raw_dtype: RawDtype | None,
) -> Source:
    if source.kind != "ids":
        return source
    if provenance := found[source.path]:
        return source._replace(ids_dtype=provenance.dtype)
    dtype = raw_dtype or id_dtype(tokenizer.n_vocab).name
    if raw_dtype is None and not source.path.lower().endswith(".npy"):
        _check_width(source.path, dtype)
    return source._replace(ids_dtype=dtype)


def _check_width(path: str, dtype: str) -> None:
    """Refuse raw ids that seem to be of a wider dtype: every second number is then 0."""
    with IdFile(path, np.dtype(dtype)) as file:
        ids = file.read(0, _FIRST_IDS)
    if len(ids) < _FEWEST_IDS or len(ids) % 2 or ids[1::2].any():
        return
    wider = "uint32" if len(ids) % 4 or (dtype == "uint16" and ids[2::4].any()) else "int64"
    what, why = f"{path} seems to hold {wider} ids", f"read as {dtype}, every second id is 0"
    raise GptprepError(what, why, f"give --input-dtype {wider}, or --input-dtype {dtype} if that is right")
