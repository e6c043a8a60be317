"""Windows made one at a time, the slow and obvious way: what indexes, layouts and `window` must give."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from gptprep.pipelines.window import WindowSpec
from gptprep.shards.folder import open_shards

EOT, MASK = 50256, (1 << 64) - 1

WINDOW_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "context_length": st.integers(1, 6),
    "stride": st.integers(1, 9),
    "val_fraction": st.sampled_from(["0", "0.3", "0.5"]),
    "split_by": st.sampled_from(["tail", "document"]),
    "boundary": st.sampled_from(["stream", "document"]),
    "shuffle": st.booleans(),
    "seed": st.integers(0, MASK),
    "layout": st.sampled_from(["pairs", "tokens"]),
    "dtype": st.sampled_from(["auto", "uint32", "int32", "int64"]),
    "shard_size": st.integers(180, 400),
}
"""Options of `window` that give small shards."""

Row = tuple[list[int], list[int], int]
"""Inputs, targets and length of a window."""


class Span(NamedTuple):
    """Where a window is: its inputs are `length` ids from `start` on, and padding."""

    start: int
    length: int


def mix(value: int) -> int:
    """The finalizer of SplitMix64."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


def key(seed: int, number: int) -> int:
    """A number that SplitMix64 gives from a seed."""
    return mix((seed + (number + 1) * 0x9E3779B97F4A7C15) & MASK)


def permuted(index: int, n: int, seed: int) -> int:
    """`permute` for one index."""
    bits = next(bits for bits in range(1, 33) if 4**bits >= n)
    while True:
        low, high = index % (1 << bits), index >> bits
        for number in range(8):
            low, high = high ^ (mix((low + key(seed, number)) & MASK) >> (64 - bits)), low
        index = (high << bits) | low
        if index < n:
            return index


def goes_to_val(document: int, fraction: Fraction, seed: int) -> bool:
    """Whether a split by document puts a document into val."""
    return Fraction(mix((mix(document) + key(seed, 8)) & MASK), 1 << 64) < fraction


def strided_spans(n_ids: int, context_length: int, stride: int) -> list[Span]:
    """The windows of a stream."""
    return [Span(start, context_length) for start in range(0, n_ids - context_length, stride)]


def document_spans(sizes: Sequence[int], context_length: int, stride: int) -> list[Span]:
    """The windows of documents of some sizes that follow each other; none crosses documents."""
    spans, first = [], 0
    for size in sizes:
        start, stop = first, first + size
        while start < stop - 1:
            spans.append(Span(start, min(context_length, stop - 1 - start)))
            if start + context_length >= stop - 1:
                break
            start += stride
        first = stop
    return spans


def row(ids: Sequence[int], span: Span, context_length: int, padding: int = EOT) -> Row:
    """The inputs and targets of a window."""
    start, length = span
    fill = [padding] * (context_length - length)
    inputs, targets = ids[start : start + length], ids[start + 1 : start + length + 1]
    return [*inputs, *fill], [*targets, *fill], length


def ended_documents(texts: list[list[int]]) -> list[list[int]]:
    """The ids of texts, divided after each end-of-text id; one is added to texts that do not end with it."""
    ended: list[list[int]] = [[]]
    for text in texts:
        for token in text if text[-1:] == [EOT] else [*text, EOT]:
            ended[-1].append(token)
            if token == EOT:
                ended.append([])
    return ended[:-1]


def joined(documents: list[list[int]]) -> list[int]:
    """All ids of some documents."""
    return [token for document in documents for token in document]


def by_document(documents: list[list[int]], spec: WindowSpec) -> dict[str, list[list[int]]]:
    """The documents of each split."""
    splits: dict[str, list[list[int]]] = {"train": [], "val": []}
    for number, ids in enumerate(documents):
        splits["val" if goes_to_val(number, spec.fraction, spec.seed) else "train"].append(ids)
    return splits


def by_tail(documents: list[list[int]], n_ids: int, fraction: Fraction) -> dict[str, list[list[int]]]:
    """The documents of each split, or the parts of one that is divided; no more than `n_ids` ids."""
    n_train, start = n_ids - math.floor(n_ids * fraction), 0
    splits: dict[str, list[list[int]]] = {"train": [], "val": []} if fraction else {"train": []}
    for ids in documents:
        splits["train"].append(ids[: max(0, n_train - start)])
        if fraction:
            splits["val"].append(ids[max(0, n_train - start) : n_ids - start])
        start += len(ids)
    return splits


def divided(
    texts: list[list[int]], documents: list[list[int]], spec: WindowSpec
) -> dict[str, list[list[int]]]:
    """The documents of each split, whatever numbers stand for their ids."""
    if spec.splits_by_document:
        return by_document(documents, spec)
    adds_eot = texts[-1][-1:] != [EOT]
    n_ids = len(joined(documents)) - (adds_eot and not spec.ends_with_documents)
    return by_tail(documents, n_ids, spec.fraction)


def n_ids_of(of_split: list[list[int]], spec: WindowSpec) -> int:
    """How many ids a split has."""
    n_ids = len(joined(of_split))
    return max(0, n_ids - 1) if spec.splits_by_document and not spec.ends_with_documents else n_ids


def split_sources(texts: list[list[int]], spec: WindowSpec) -> dict[str, dict[int, tuple[int, int]]]:
    """How many ids each split has of each text, and how many windows start in them."""
    owners = [number for number, text in enumerate(texts) for _ in ended_documents([text])]
    tags = [[owner] * len(ids) for owner, ids in zip(owners, ended_documents(texts), strict=True)]
    found = {}
    for name, of_split in divided(texts, tags, spec).items():
        owner_of = joined(of_split)[: n_ids_of(of_split, spec)]
        windows = Counter(owner_of[span.start] for span in split_spans(of_split, spec))
        found[name] = {number: (count, windows[number]) for number, count in Counter(owner_of).items()}
    return found


def split_spans(of_split: list[list[int]], spec: WindowSpec) -> list[Span]:
    """The windows of a split in text order."""
    if spec.ends_with_documents:
        return document_spans([len(document) for document in of_split], spec.context_length, spec.step)
    return strided_spans(n_ids_of(of_split, spec), spec.context_length, spec.step)


def split_rows(texts: list[list[int]], spec: WindowSpec) -> dict[str, list[Row]]:
    """The windows of each split."""
    found = {}
    for name, of_split in divided(texts, ended_documents(texts), spec).items():
        ids = joined(of_split)
        spans = split_spans(of_split, spec)
        if spec.shuffle:
            spans = [spans[permuted(number, len(spans), spec.seed)] for number in range(len(spans))]
        found[name] = [row(ids, span, spec.context_length) for span in spans]
    return found


def stored_rows(folder: Path, split: str) -> list[Row]:
    """The windows of a split of a shard folder."""
    reader = open_shards(str(folder)).windows(split)
    windows = reader.take(np.arange(len(reader)))
    return list(zip(windows.inputs.tolist(), windows.targets.tolist(), windows.lengths.tolist(), strict=True))
