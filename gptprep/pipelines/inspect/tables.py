"""Tables of embeddings: norms, the rows nearest to one, and how similar positions are, block by block.

Shape letters: B rows of a block, D embedding width, L positions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gptprep.errors import CorruptDataError, GptprepError, TextError, UsageError, os_errors
from gptprep.tokenizers.visible import visible
from gptprep.tokenizers.vocabulary import UNKNOWN_TOKENS
from gptprep.units import MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gptprep.storage.safetensors import TensorFormat
    from gptprep.tokenizers import Tokenizer

_BLOCK_BYTES = 4 * MIB
"""Of float32; about what a processor's cache holds."""
_BINS, _NEAREST = 24, 10
_MAX_SIMILARITIES = 1000
"""Numbers of a strip; more positions are averaged."""
_MAX_LISTED = 10
_DTYPES = {"float16": "<f2", "bfloat16": "<u2", "float32": "<f4", "float64": "<f8"}


class Rows(ABC):
    """The rows of a table, read when they are needed.

    Attributes:
        name: of the tensor.
        rows, dim: the shape.
        dtype: as stored: "float32", "bfloat16", ...
    """

    def __init__(self, name: str, shape: tuple[int, ...], dtype: str) -> None:
        self.name, self.dtype = name, dtype
        self.rows, self.dim = shape

    @abstractmethod
    def stored(self, start: int, stop: int) -> NDArray[Any]:
        """Rows as they are stored, (stop - start, D); bfloat16 as uint16."""

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows, (stop - start, D) float32."""
        stored = self.stored(start, stop)
        with np.errstate(over="ignore"):
            if self.dtype == "bfloat16":
                return (stored.astype(np.uint32) << 16).view(np.float32)
            return stored.astype(np.float32, copy=False)

    def blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """All rows: the number of the first, and (B, D) float32."""
        step = max(1, _BLOCK_BYTES // (4 * self.dim))
        for start in range(0, self.rows, step):
            yield start, self.read(start, min(start + step, self.rows))


class FileRows(Rows):
    """A table in a file, at a known place."""

    def __init__(self, path: str, name: str, tensor: TensorFormat) -> None:
        super().__init__(name, tensor.shape, tensor.dtype)
        self._path, self._offset = path, tensor.offset

    def stored(self, start: int, stop: int) -> NDArray[Any]:
        dtype = np.dtype(_DTYPES[self.dtype])
        number = (stop - start) * self.dim
        with os_errors("read", self._path):
            offset = self._offset + start * self.dim * dtype.itemsize
            found = np.fromfile(self._path, dtype, number, offset=offset)
        if len(found) < number:
            raise CorruptDataError(f"{self._path} changed while it was read")
        return found.reshape(-1, self.dim)


class ArrayRows(Rows):
    """A table in memory, perhaps mapped."""

    def __init__(self, name: str, array: NDArray[Any], dtype: str) -> None:
        super().__init__(name, array.shape, dtype)
        self._array = array

    def stored(self, start: int, stop: int) -> NDArray[Any]:
        return self._array[start:stop]


# Norms


@dataclass(frozen=True)
class Norms:
    """The Euclidean norms of some rows; None if none is finite."""

    rows: int
    not_finite: int
    """Rows with a number that is infinite or not a number; they are left out of the others."""
    smallest: float | None
    mean: float | None
    largest: float | None
    histogram: tuple[int, ...]
    """How many norms are in each of equal intervals from the smallest to the largest."""


def norms(values: Iterable[NDArray[Any]]) -> Norms:
    """Summarize norms, arrays of (n,)."""
    found = np.concatenate([*values, np.zeros(0)])
    finite = found[np.isfinite(found)]
    if not len(finite):
        return Norms(len(found), len(found), None, None, None, ())
    low, high = float(finite.min()), float(finite.max())
    bins = np.zeros(_BINS, np.int64)
    place = np.zeros(len(finite), np.int64)
    if high - low > 1e-6 * high:  # otherwise they are equal but for rounding
        place = np.minimum(((finite - low) / (high - low) * _BINS).astype(np.int64), _BINS - 1)
    np.add.at(bins, place, 1)
    mean = float(finite.mean())
    numbers = (_rounded(low), _rounded(mean), _rounded(high))
    return Norms(len(found), len(found) - len(finite), *numbers, tuple(bins.tolist()))


def row_norms(block_BD: NDArray[Any]) -> NDArray[Any]:
    """The norm of each row, (B,) float64; not finite if a number of the row is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares: NDArray[Any] = np.einsum("ij,ij->i", block_BD, block_BD).astype(np.float64)
        again = ~np.isfinite(squares)  # perhaps only the squares are too large for float32
        if again.any():
            large = block_BD[again].astype(np.float64)
            squares[again] = np.einsum("ij,ij->i", large, large)
        lengths: NDArray[Any] = np.sqrt(squares)
        return lengths


def _rounded(number: float) -> float:
    """Seven digits, which is what a float32 has."""
    return float(f"{number:.7g}")


class TableReport(NamedTuple):
    """A table."""

    name: str
    rows: int
    dim: int
    dtype: str
    norms: Norms


# Neighbours


class Neighbour(NamedTuple):
    """A row of the token table."""

    id: int
    token: str | None
    """Made visible; None if no token is known for the row."""
    similarity: float
    """The cosine."""


@dataclass(frozen=True)
class Near:
    """The rows that are most similar to one."""

    id: int
    token: str | None
    neighbours: tuple[Neighbour, ...]


def token_table(
    table: Rows, near: int | None, tokenizer: Tokenizer | None
) -> tuple[TableReport, Near | None]:
    """Describe a token table, and find the rows that are most similar to one, in one pass.

    Raises:
        GptprepError: it cannot be read, or the row has no direction.
    """
    lengths, similar = [], np.full(table.rows, -np.inf)
    row = None if near is None else _direction(table, near)
    for start, block_BD in table.blocks():
        lengths.append(row_norms(block_BD))
        if row is not None:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                cosines = (block_BD @ row) / lengths[-1]
            similar[start : start + len(block_BD)] = np.where(np.isfinite(cosines), cosines, -np.inf)
    report = TableReport(table.name, table.rows, table.dim, table.dtype, norms(lengths))
    if near is None:
        return report, None
    similar[near] = -np.inf
    first = np.argsort(-similar, kind="stable")[:_NEAREST]
    neighbours = (
        Neighbour(int(i), _shown(tokenizer, int(i)), round(float(similar[i]), 6))
        for i in first
        if np.isfinite(similar[i])
    )
    return report, Near(near, _shown(tokenizer, near), tuple(neighbours))


def _direction(table: Rows, near: int) -> NDArray[Any]:
    """A row with norm 1."""
    row = table.read(near, near + 1)
    length = row_norms(row)[0]
    if not np.isfinite(length) or not length:
        why = "all its numbers are 0" if not length else "a number in it is infinite or not a number"
        raise GptprepError(f"the row {near:,} of {table.name} has no direction", why, "name another token")
    unit: NDArray[Any] = (row[0] / length).astype(np.float32)
    return unit


def _shown(tokenizer: Tokenizer | None, token_id: int) -> str | None:
    if tokenizer is None:
        return None
    try:
        return visible(tokenizer.token_bytes(token_id))
    except KeyError:
        return None


def row_of(near: str, tokenizer: Tokenizer | None, table: Rows) -> int:
    """The row that `--near` names, by an id or by the text of a token.

    Raises:
        UsageError: there is no such row, the text is several tokens, or there is no tokenizer for it.
        GptprepError: no token is the text.
    """
    if near.isascii() and near.isdecimal():
        token_id = int(near[:20])
        if token_id >= table.rows:
            why = f"{table.name} has the rows 0 to {table.rows - 1:,}"
            raise UsageError(f"--near is {near[:20]}", why, "give one of them")
        return token_id
    text = visible(near.encode("utf-8", "surrogateescape"))[:80]
    if tokenizer is None:
        why = "nothing says which tokenizer the table is for"
        raise UsageError(f"--near {text} needs a tokenizer", why, "name it with -T, or give an id")
    ids = _ids_of(near, text, tokenizer)
    if len(ids) > 1:
        parts = [f"{_shown(tokenizer, token_id)} {token_id}" for token_id in ids[:_MAX_LISTED]]
        more = ", ..." if len(ids) > _MAX_LISTED else ""
        what = f"--near {text} is {len(ids)} tokens of {tokenizer.name}"
        raise UsageError(what, f"they are {', '.join(parts)}{more}", "give one of them, by its id")
    if ids[0] >= table.rows:
        what = f"the id of {text} in {tokenizer.name} is {ids[0]:,}"
        why = f"{table.name} has the rows 0 to {table.rows - 1:,}"
        raise UsageError(what, why, "name the tokenizer of the table with -T")
    return ids[0]


def _ids_of(near: str, text: str, tokenizer: Tokenizer) -> list[int]:
    unknown = {tokenizer.special_tokens.get(token) for token in UNKNOWN_TOKENS}
    try:
        ids = tokenizer.encode(near)
    except TextError:
        ids = []
    is_unknown = tokenizer.kind in ("word", "char") and unknown.intersection(ids)
    if not ids or (is_unknown and near.strip() not in tokenizer.special_tokens):
        fix = f"see gptprep inspect {tokenizer.file[0] or tokenizer.name} --find TEXT"
        raise GptprepError(f"{tokenizer.name} has no token {text}", fix=fix)
    return ids


# Positions


@dataclass(frozen=True)
class Positions:
    """How similar the rows of a position table are, as cosines; of many positions, as means of several."""

    positions: int
    neighbours: tuple[float | None, ...]
    """Of each position and the next one; None where a row has no direction."""
    first: tuple[float | None, ...]
    """Of each position after the first and the first one."""


def position_table(table: Rows) -> tuple[TableReport, Positions]:
    """Describe a position table."""
    lengths, to_next, to_first = [], [], []
    first, before = None, None
    for _, block_LD in table.blocks():
        found = row_norms(block_LD)
        lengths.append(found)
        with np.errstate(all="ignore"):
            rows_LD = (block_LD / found[:, None]).astype(np.float32)
        first = rows_LD[0] if first is None else first
        joined = rows_LD if before is None else np.concatenate([before[None], rows_LD])
        with np.errstate(all="ignore"):
            to_next.append(np.einsum("ij,ij->i", joined[:-1], joined[1:]))
            to_first.append(rows_LD @ first)
        before = rows_LD[-1]
    report = TableReport(table.name, table.rows, table.dim, table.dtype, norms(lengths))
    strips = averaged(np.concatenate(to_next)), averaged(np.concatenate(to_first)[1:])
    return report, Positions(table.rows, *strips)


def averaged(values: NDArray[Any], number: int = _MAX_SIMILARITIES) -> tuple[float | None, ...]:
    """At most a number of means of values that follow each other; values that are not finite are left out."""
    parts = np.array_split(values, min(number, len(values)) or 1)
    finite = [part[np.isfinite(part)] for part in parts]
    return tuple(round(float(part.mean()), 6) if len(part) else None for part in finite if len(values))
