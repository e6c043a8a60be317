"""The command that may come next: the words of one that works as it is."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

from gptprep.choices import DEFAULT_CONTEXT_LENGTH, is_id_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gptprep.pipelines.encode import EncodeReport
    from gptprep.pipelines.vocab import VocabReport

Words = tuple[str, ...]
_MOST_INPUTS = 3
"""A command with more of them is no longer easy to read."""


def after_folder(output: str) -> Words:
    """After a folder of shards or embeddings was written."""
    return "inspect", _path(output)


def after_encode(report: EncodeReport, tokenizer: str) -> Words:
    """After ids were written to a file: windows of them, which may have to be short."""
    output = report.output
    if output is None or not is_id_name(output):
        return ()
    if report.ids < 2:
        return "inspect", _path(output)
    own = ("-T", _path(tokenizer)) if os.path.exists(tokenizer) else ()
    longest = 1 << (report.ids - 1).bit_length() - 1
    length = ("-L", str(longest)) if longest < DEFAULT_CONTEXT_LENGTH else ()
    shards = _free_name(f"{os.path.splitext(output)[0]}-shards")
    return "window", _path(output), *own, *length, "-o", _path(shards)


def after_vocab(report: VocabReport, inputs: Sequence[str], *, reads_as_usual: bool) -> Words:
    """After a vocabulary was written: the same text in its ids, or a look at it if that could fail.

    Args:
        reads_as_usual: whether no option says how the inputs are read.
    """
    if report.output in (None, "-"):
        return ()
    is_whole = report.covered == report.tokens or "<|unk|>" in report.special_tokens
    separates = report.documents < 2 or "<|endoftext|>" in report.special_tokens
    can_name = reads_as_usual and "-" not in inputs and len(inputs) <= _MOST_INPUTS
    if not (is_whole and separates and can_name):
        return "inspect", _path(report.output)
    ids = _free_name(os.path.splitext(report.output)[0], ".bin")
    return "encode", *map(_path, inputs), "-T", _path(report.output), "-o", _path(ids)


def _free_name(stem: str, ending: str = "") -> str:
    """A name that nothing has."""
    names = (f"{stem}{'' if number == 1 else f'-{number}'}{ending}" for number in count(1))
    return next(name for name in names if not any(map(os.path.lexists, (name, f"{name}.json"))))


def _path(name: str) -> str:
    """A path that is not taken for an option."""
    return f"./{name}" if name.startswith("-") else name
