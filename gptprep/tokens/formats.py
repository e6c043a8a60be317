"""Encoded documents on a stream: ids as text, visible tokens, JSON, or numbers."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

from gptprep.choices import IdFormat
from gptprep.tokenizers import Tokenizer
from gptprep.tokenizers.visible import visible
from gptprep.tokens.encoder import CorpusEncoder, write_stream

Encoded = CorpusEncoder[Any]


def _write_lines(file: BinaryIO, encoded: Encoded, show: Callable[[int], str]) -> int:
    """One line for each document: its ids, shown without white space."""
    count, separator = 0, ""
    for chunk in encoded:
        line = separator + " ".join(map(show, chunk.ids)) if chunk.ids else ""
        file.write((line + "\n" if chunk.last else line).encode())
        separator = "" if chunk.last else separator if not chunk.ids else " "
        count += chunk.n_ids
    return count


def _write_ids(file: BinaryIO, tokenizer: Tokenizer, encoded: Encoded) -> int:  # noqa: ARG001
    return _write_lines(file, encoded, str)


def _write_tokens(file: BinaryIO, tokenizer: Tokenizer, encoded: Encoded) -> int:
    return _write_lines(file, encoded, lambda token_id: visible(tokenizer.token_bytes(token_id)))


def _write_json(file: BinaryIO, tokenizer: Tokenizer, encoded: Encoded) -> int:
    """One JSON document, streamed: the tokenizer, then one line with source and ids for each document.

    Nothing is written before there are ids, so that an error in the first document can take its place.
    """
    head = {"schema": "gptprep-encode-ids", "version": 1}
    head |= {"tokenizer": tokenizer.name, "n_vocab": tokenizer.n_vocab}
    first = json.dumps(head)[:-1].encode() + b', "documents": [\n'
    documents, count = _write_objects(file, encoded, first, b",\n", b"")
    if documents:  # otherwise the caller raises
        file.write(b'\n], "n_documents": %d, "n_ids": %d}\n' % (documents, count))
    return count


def _write_json_lines(file: BinaryIO, tokenizer: Tokenizer, encoded: Encoded) -> int:  # noqa: ARG001
    """One JSON object for each document, on a line of its own: source and ids."""
    return _write_objects(file, encoded, b"", b"", b"\n")[1]


def _write_objects(
    file: BinaryIO, encoded: Encoded, first: bytes, between: bytes, after: bytes
) -> tuple[int, int]:
    """A JSON object for each document, with its source and ids; returns how many documents and ids.

    Args:
        first: written before the first object.
        between: written before all others.
        after: written after each.
    """
    count, documents, in_document, separator = 0, 0, False, ""
    for chunk in encoded:
        if not in_document:
            before = between if documents else first
            file.write(before + b'{"source": ' + json.dumps(chunk.source.name).encode() + b', "ids": [')
            documents, separator = documents + 1, ""
        if chunk.ids:
            file.write((separator + ", ".join(map(str, chunk.ids))).encode())
            separator = ", "
        in_document = not chunk.last
        if chunk.last:
            file.write(b"]}" + after)
        count += chunk.n_ids
    return documents, count


def _write_numbers(
    file: BinaryIO, tokenizer: Tokenizer, encoded: Encoded, *, npy_header: bool = False
) -> int:
    """One stream of numbers, with the end-of-text id between documents."""
    from gptprep.tokens.id_file import IdWriter

    writer = IdWriter(file, tokenizer.n_vocab, npy_header=npy_header)
    write_stream(encoded.in_batches(), tokenizer, writer)
    writer.finish()
    return len(writer)


WRITERS: dict[IdFormat, Callable[[BinaryIO, Tokenizer, Encoded], int]] = {
    "ids": _write_ids,
    "tokens": _write_tokens,
    "json": _write_json,
    "jsonl": _write_json_lines,
    "bin": _write_numbers,
    "npy": partial(_write_numbers, npy_header=True),
}
"""Write all documents to a file in one format; returns the number of ids written."""
