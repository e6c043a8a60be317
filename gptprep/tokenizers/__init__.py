"""Tokenizers by name or by path: text to ids and back."""

import difflib
import hashlib
import os
import warnings
from contextlib import suppress
from typing import Any, get_args

from gptprep.choices import Engine, SpecialPolicy, is_provenance_name
from gptprep.errors import CorruptDataError, EngineWarning, GptprepError, TokenizerWarning, UsageError
from gptprep.storage.files import read_regular
from gptprep.storage.json_files import parse_json
from gptprep.tokenizers.base import Tokenizer
from gptprep.tokenizers.collector import paused_collector
from gptprep.tokenizers.published import KNOWN
from gptprep.units import MIB

_MAX_JSON = 256 * MIB
"""Bytes: the largest published tokenizer.json has 35 million."""

__all__ = ["Tokenizer", "is_tokenizer", "load_tokenizer", "tokenizer_files"]


def load_tokenizer(
    name_or_path: str = "gpt2", special: SpecialPolicy = "allow", engine: Engine = "auto"
) -> Tokenizer:
    """Load a tokenizer.

    Args:
        name_or_path: `gpt2` (in the package), any other tiktoken encoding name, a `.tiktoken` rank file, a
            Hugging Face `tokenizer.json`, a vocabulary that `gptprep vocab` wrote (or a plain JSON object of
            tokens and ids), or a shard folder, for the one that made it; or a model such as `gpt-4o`, for its
            encoding. Names of encodings take precedence over paths, and paths over models.
        special: what a literal special token in a text becomes: its id ("allow"), ordinary characters
            ("text") or an error ("error").
        engine: what encodes BPE, with the same ids: gigatoken where it is known to be exact ("auto"),
            or the one that is named.

    Raises:
        UsageError: there is no such `special` or `engine`.
        GptprepError: there is no such tokenizer, or it is not on this machine; says what to do.
        CorruptDataError: the file is not a tokenizer.
        MissingDependencyError: it needs an engine that is not installed.

    Warns:
        TokenizerWarning: the name is that of a model, or the engine that is named does not encode it.

    >>> load_tokenizer("gpt2").encode("Hello, world.")
    [15496, 11, 995, 13]
    """
    for option, value, choices in (("special", special, SpecialPolicy), ("engine", engine, Engine)):
        if value not in get_args(choices):
            raise UsageError(f"there is no {option} {value!r}", fix=f"choose {', '.join(get_args(choices))}")
    tokenizer = _load(name_or_path, special, engine)
    if engine not in ("auto", tokenizer.engine):
        text = f"the engine {engine} has no effect: {tokenizer.engine} encodes with {tokenizer.name}"
        warnings.warn(text, EngineWarning, stacklevel=2)
    return tokenizer


def _load(name_or_path: str, special: SpecialPolicy, engine: Engine) -> Tokenizer:
    if name_or_path in KNOWN:
        return _load_encoding(name_or_path, special, engine)
    if os.path.isfile(name_or_path):
        return _load_file(name_or_path, special, engine)
    if os.path.isdir(name_or_path):
        from gptprep.tokenizers.folder import load_from_folder

        return load_from_folder(name_or_path, lambda name: _load(name, special, engine))
    from gptprep.tokenizers.names import encoding_of
    from gptprep.tokenizers.rank_files import known_names

    known = known_names()
    if (encoding := encoding_of(name_or_path, known)) is None:
        raise _unknown(name_or_path, known)
    if encoding != name_or_path:
        is_other_case = encoding == name_or_path.lower()
        means = f"read as {encoding}" if is_other_case else f"a model; its encoding is {encoding}"
        warnings.warn(f"{name_or_path} is {means}", TokenizerWarning, stacklevel=3)
    return _load_encoding(encoding, special, engine)


def is_tokenizer(name_or_path: str) -> bool:
    """Whether `load_tokenizer` would find something of that name; its content is not read."""
    if name_or_path in KNOWN or os.path.isfile(name_or_path):
        return True
    from gptprep.tokenizers.names import encoding_of
    from gptprep.tokenizers.rank_files import known_names

    return encoding_of(name_or_path, known_names()) is not None


def tokenizer_files(*names_or_paths: str) -> list[str]:
    """The files that `load_tokenizer` reads; none for the name of an encoding."""
    return [name for name in names_or_paths if name not in KNOWN and os.path.exists(name)]


def _load_encoding(name: str, special: SpecialPolicy, engine: Engine) -> Tokenizer:
    from gptprep.tokenizers.rank_files import load_known, load_plugin

    return load_known(KNOWN[name], special, engine) if name in KNOWN else load_plugin(name, special)


def _load_file(path: str, special: SpecialPolicy, engine: Engine) -> Tokenizer:
    if path.endswith(".tiktoken"):
        from gptprep.tokenizers.rank_files import load_rank_file

        return load_rank_file(path, special, engine)
    if path.endswith(".json"):
        return _load_json(path, special, engine)
    why = "a tokenizer file ends in .tiktoken (ranks) or .json (a vocabulary)"
    raise CorruptDataError(f"{path} is not a tokenizer", why, "name one of those, or gpt2")


def _load_json(path: str, special: SpecialPolicy, engine: Engine) -> Tokenizer:
    data = read_regular(path, _MAX_JSON)
    with paused_collector():
        tokenizer = _from_json(_parsed(data, path), data, path, special, engine)
    tokenizer.file = path, hashlib.sha256(data).hexdigest()
    return tokenizer


def _parsed(data: bytes, path: str) -> Any:
    """The value of a JSON text; orjson reads what it can, in less time, and Python the rest.

    orjson reads values that are nested too deeply for Python's parser and writer. It does not write them,
    which is how they are found.
    """
    from orjson import JSONDecodeError, JSONEncodeError, dumps, loads

    try:
        value = loads(data)
        dumps(value)
    except (JSONDecodeError, JSONEncodeError):
        return parse_json(data, path)
    return value


def _from_json(value: Any, data: bytes, path: str, special: SpecialPolicy, engine: Engine) -> Tokenizer:
    if isinstance(value, dict) and isinstance(value.get("model"), dict):
        from gptprep.tokenizers.hugging_face import load_hugging_face

        return load_hugging_face(value, path, special, engine, data)
    from gptprep.tokenizers.char import CharTokenizer
    from gptprep.tokenizers.vocabulary import parse_vocabulary
    from gptprep.tokenizers.word import WordTokenizer

    vocabulary = parse_vocabulary(value, path)
    by_kind = {"word": WordTokenizer, "char": CharTokenizer}
    return by_kind[vocabulary.kind](os.path.basename(path), vocabulary, special)


def _unknown(name: str, known: list[str]) -> GptprepError:
    folder = os.path.dirname(name) or "."
    files: list[str] = []
    with suppress(OSError):
        files = [entry for entry in sorted(os.listdir(folder)) if entry.endswith((".json", ".tiktoken"))]
    files = [entry for entry in files if not is_provenance_name(entry)]
    from gptprep.tokenizers.names import model_names

    near = difflib.get_close_matches(os.path.basename(name), [*known, *files], cutoff=0.5)
    models = difflib.get_close_matches(name.lower(), model_names(), 1, cutoff=0.8)
    near = [os.path.join(os.path.dirname(name), match) if match in files else match for match in near]
    near = list(dict.fromkeys([*models, *near]))
    fix = f"did you mean {' or '.join(near)}?" if near else f"known encodings: {', '.join(known)}"
    return GptprepError(f"there is no tokenizer {name!r}", "it is neither a known encoding nor a file", fix)
