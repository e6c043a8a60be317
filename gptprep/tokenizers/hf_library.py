"""Hugging Face's `tokenizers`: loading a `tokenizer.json` and encoding a text with it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from gptprep.choices import SpecialPolicy
from gptprep.errors import CorruptDataError, MissingDependencyError, TextError
from gptprep.tokenizers.growth import check_growth
from gptprep.tokenizers.rust import call_rust


def is_installed() -> bool:
    """Whether `tokenizers` can be imported."""
    try:
        import tokenizers  # noqa: F401
    except ImportError:
        return False
    return True


def check_installed(path: str) -> None:
    """Raise a `MissingDependencyError` if `tokenizers` cannot be imported."""
    if not is_installed():
        what, fix = f"{path} needs Hugging Face's tokenizers", "pip install tokenizers"
        why = "it is not a byte-level BPE that tiktoken encodes to the same ids"
        raise MissingDependencyError(what, why, fix)


def load_library(value: dict[str, Any], path: str, policy: SpecialPolicy, data: bytes | None = None) -> Any:
    """The `tokenizers.Tokenizer` of a file, without truncation, padding and added special tokens.

    Args:
        value: the contents of the file.
        data: the file itself; its contents are written as JSON again if it is not given.

    Raises:
        CorruptDataError: the library cannot load it.
        GptprepError: its steps make texts too long.
        MissingDependencyError: the library is not installed.
    """
    check_installed(path)
    from tokenizers import Tokenizer as Loaded

    check_growth(value, path)
    if data is None:
        data = json.dumps({**value, "post_processor": None}).encode()
    error = partial(CorruptDataError, f"{path} is not a tokenizer that Hugging Face's library loads")
    library = call_rust(lambda: Loaded.from_buffer(data), error)
    library.post_processor = None  # a template can repeat the text
    library.no_truncation()
    library.no_padding()
    library.encode_special_tokens = policy != "allow"
    return library


def library_ids(library: Any, text: str, name: str) -> list[int]:
    """The ids that the library gives.

    Raises:
        TextError: it cannot encode the text.
    """
    encoding = call_rust(lambda: library.encode(text, add_special_tokens=False), partial(_encode_error, name))
    ids: list[int] = encoding.ids
    return ids


def _encode_error(name: str, why: str) -> TextError:
    fix = "leave out this text, or use another tokenizer"
    return TextError(f"{name} cannot encode this text", why, fix)
