"""One tokenizer for each process, so that forked workers find their parent's."""

from __future__ import annotations

import os
from functools import lru_cache

from gptprep.tokenizers import Engine, SpecialPolicy, Tokenizer, load_tokenizer


def shared_tokenizer(name: str, special: SpecialPolicy, engine: Engine) -> Tokenizer:
    """The tokenizer of a name or a file, as `load_tokenizer`; loaded again when its file has changed."""
    try:
        status = os.stat(name)
        return _loaded(name, special, engine, (status.st_ino, status.st_size, status.st_mtime_ns))
    except OSError:
        return _loaded(name, special, engine, ())


@lru_cache(maxsize=4)
def _loaded(name: str, special: SpecialPolicy, engine: Engine, _: tuple[int, ...]) -> Tokenizer:
    return load_tokenizer(name, special, engine)
