"""Inputs that are ids already: which tokenizer made them, and how their numbers are stored."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
_MAX_UPPER = 8
"""Above the upper halves of ids: few vocabularies have 2**19 ids, and GPT-2 has comma and period above it."""


def resolve(
    spec: EncodingSpec, sources: Sequence[Source], raw_dtype: RawDtype | None = None
) -> tuple[EncodingSpec, Tokenizer, list[Source]]:
    """The tokenizer of a run, named in its spec, and the sources with the dtypes of their ids.

    Args:
        spec: if it names no tokenizer, that of the ids is taken, or its default for text and for ids that
            do not say theirs.
        raw_dtype: the dtype of `.bin` files whose provenance is not known; None for the usual one of the
            vocabulary.

    Raises:
        GptprepError: a file of ids does not say what made it and no tokenizer is named, nor a default; or it
            was made with another tokenizer; or it seems to have another dtype.
        CorruptDataError: the provenance of a file is damaged, or not about this file.
    """
    found = {source.path: read_provenance(source.path) for source in sources if source.kind == "ids"}
    if spec.tokenizer is None and found:
        spec = replace(spec, tokenizer=_tokenizer_of(found, spec.default_tokenizer))
    tokenizer = spec.load_tokenizer()
    for path, provenance in found.items():
        if provenance and provenance.tokenizer.fingerprint != tokenizer.fingerprint:
            raise _made_with_another(path, provenance.tokenizer, tokenizer)
    return spec, tokenizer, [_with_dtype(source, found, tokenizer, raw_dtype) for source in sources]


def _tokenizer_of(found: dict[str, Provenance | None], default: str | None) -> str:
    """The name or path of the tokenizer that made the files; the default if one of them does not say it."""
    for path, provenance in found.items():
        if provenance is None and default is not None:
            return default
        if provenance is None:
            what, why = f"{path} does not say which tokenizer made it", f"there is no {provenance_path(path)}"
            raise GptprepError(what, why, "name the tokenizer with --tokenizer")
    path, record = next((path, found.tokenizer) for path, found in found.items() if found)
    name = os.path.basename(record.name)
    if default is not None and os.path.basename(default) == name:
        return default
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
    """Refuse raw ids that seem to be of a wider dtype: every second number is then 0, or small.

    Not noticed are files of fewer than four numbers, ids of which at least half are above 65,535 or one is
    above 2**19 (many of their halves are not in a vocabulary), and wide ids after the first that are read.
    """
    with IdFile(path, np.dtype(dtype)) as file:
        count, ids = len(file), file.read(0, _FIRST_IDS)
    if len(ids) < _FEWEST_IDS or count % 2 or not (found := _upper_halves(ids, dtype)):
        return
    wider = "uint32" if count % 4 or (dtype == "uint16" and ids[2::4].any()) else "int64"
    what, why = f"{path} seems to hold {wider} ids", f"read as {dtype}, every second id is {found}"
    raise GptprepError(what, why, f"give --input-dtype {wider}, or --input-dtype {dtype} if that is right")


def _upper_halves(ids: NDArray[Any], dtype: str) -> str:
    """What every second number is, if it is that of numbers twice as wide; nothing otherwise.

    Small numbers that are not 0 are upper halves of ids above 65,535. They could also be rare
    punctuation, which has the first ids of many vocabularies, so most must be 0.
    """
    upper = ids[1::2]
    if not upper.any():
        return "0"
    is_likely = upper.max() < _MAX_UPPER and 2 * np.count_nonzero(upper) < len(upper)
    if dtype == "uint16" and is_likely and ids[::2].max() >= _MAX_UPPER:
        return f"0 or below {_MAX_UPPER}"
    return ""
