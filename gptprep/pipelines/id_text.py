"""Reading ids that are text: what `encode` prints, lists of Python, JSON and JSON Lines.

Where each line is a document the end-of-text id is put between documents, as in a file of ids.
"""

import json
import re
from collections.abc import Iterable, Iterator

from gptprep.corpus.blocks import read_blocks
from gptprep.corpus.sources import Source
from gptprep.errors import CorruptDataError, GptprepError
from gptprep.tokenizers import Tokenizer

_MAX_DIGITS = 30
_MAX_LINE = 1 << 30
_LINE_WORDS = 1 << 10
"""Words that are searched at a time for the end of a line."""
_IS_NUMBER = re.compile(rb"-?[0-9]{1,30}").fullmatch
_PUNCTUATION = bytes.maketrans(b"[],", b"   ")
_END = b";"
"""Stands for the end of a line among the words."""


def read_id_text(source: Source, tokenizer: Tokenizer) -> Iterator[list[int]]:
    """The ids of a source, in blocks.

    Raises:
        GptprepError: it cannot be read, something is not an id, or it names another tokenizer.
        CorruptDataError: it is JSON that is not valid, or not what `encode` writes.
    """
    blocks = read_blocks(source)
    first = b""
    for block in blocks:
        first += block
        if first.strip():
            break
    start = first.lstrip()[:1]
    if start == b"{":
        yield from _with_ends(_json_documents(_lines(first, blocks), source, tokenizer), tokenizer)
        return
    words = _words(first, blocks, has_documents=start != b"[")
    yield from _with_ends(_numbers(words, source), tokenizer)


def _with_ends(documents: Iterable[list[int] | None], tokenizer: Tokenizer) -> Iterator[list[int]]:
    """The ids of all documents; None, which ends one, becomes the end-of-text id if more ids follow."""
    ends, last_id = False, None
    for ids in documents:
        if ids is None:
            ends = ends or last_id is not None
        elif ids:
            if ends and tokenizer.eot is not None and last_id != tokenizer.eot:
                yield [tokenizer.eot]
            yield ids
            ends, last_id = False, ids[-1]


# Words


def _words(first: bytes, blocks: Iterator[bytes], *, has_documents: bool) -> Iterator[list[bytes]]:
    """White-space separated words, block by block; the end of a line is the word `_END` in documents."""
    rest = b""
    for block in _chained(first, blocks):
        text = rest + block.translate(_PUNCTUATION)
        if has_documents:
            text = text.replace(b"\n", b" " + _END + b" ")
        *words, rest = (text + b"|").split()
        rest = rest[:-1]
        if len(rest) > _MAX_DIGITS:
            words.append(rest)
        yield words
    yield rest.split()


def _chained(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _numbers(blocks: Iterable[list[bytes]], source: Source) -> Iterator[list[int] | None]:
    position = 0
    for words in blocks:
        start = 0
        while rest := words[start : start + _LINE_WORDS]:
            is_end = _END in rest
            ids = rest[: rest.index(_END)] if is_end else rest
            yield _parsed(ids, position, source)
            position += len(ids)
            start += len(ids) + is_end
            if is_end:
                yield None


def _parsed(words: list[bytes], first: int, source: Source) -> list[int]:
    if all(map(_IS_NUMBER, words)):
        return list(map(int, words))
    wrong, position = next((word, n) for n, word in enumerate(words, first) if not _IS_NUMBER(word))
    shown = wrong[:40].decode(errors="backslashreplace")
    what = f"{source.label} holds {shown!r} at position {position:,}, which is not an id"
    fix = "decode takes what encode writes: ids as text, JSON, a .npy or a .bin file"
    raise GptprepError(what, "ids are whole numbers separated by white space or commas", fix)


# JSON


def _lines(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest, size = list[bytes](), 0
    for block in _chained(first, blocks):
        *lines, last = block.split(b"\n")
        for line in lines:
            yield b"".join([*rest, line])
            rest, size = [], 0
        rest.append(last)
        size += len(last)
        if size > _MAX_LINE:
            raise CorruptDataError("a line of JSON is too long", fix="write it again with gptprep encode")
    yield b"".join(rest)


def _json_documents(
    lines: Iterator[bytes], source: Source, tokenizer: Tokenizer
) -> Iterator[list[int] | None]:
    """The ids of each document in the JSON or JSON Lines of `encode`, which have one on each line."""
    for number, line in enumerate(lines, 1):
        text = line.strip().rstrip(b",")
        if text.endswith(b'"documents": ['):
            _check_tokenizer(_loaded(text + b"]}", number, source), tokenizer, source)
        elif text and not text.startswith(b"]"):
            ids = _loaded(text, number, source).get("ids")
            if not isinstance(ids, list) or not all(type(n) is int for n in ids):
                what, why = f"{source.label}:{number} has no ids", 'it has no list of numbers "ids"'
                raise CorruptDataError(what, why, "decode takes what encode writes")
            yield ids
            yield None


def _loaded(text: bytes, number: int, source: Source) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = f"{source.label}:{number} is not JSON as encode writes it"
        raise CorruptDataError(what, str(error), "give what encode writes, with its lines") from error
    return value if isinstance(value, dict) else {}


def _check_tokenizer(head: dict[str, object], tokenizer: Tokenizer, source: Source) -> None:
    name, n_vocab = head.get("tokenizer"), head.get("n_vocab")
    if (name, n_vocab) != (tokenizer.name, tokenizer.n_vocab):
        what = f"{source.label} was not made with the tokenizer {tokenizer.name}"
        fix = "give --tokenizer with the one that made it"
        raise GptprepError(what, f"it was made with {name}, which has {n_vocab} ids", fix)
