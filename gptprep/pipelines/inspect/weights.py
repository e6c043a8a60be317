"""What a checkpoint holds: the tables that `embed --weights` would use, and its other tensors.

Files of safetensors are read without torch, which takes long to start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gptprep.errors import GptprepError
from gptprep.pipelines.inspect.tables import (
    ArrayRows,
    FileRows,
    Near,
    Positions,
    Rows,
    TableReport,
    position_table,
    row_of,
    token_table,
)
from gptprep.storage.safetensors import is_safetensors, read_tensor_formats
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.training.table_names import check_table, find_table

if TYPE_CHECKING:
    from gptprep.training.checkpoints import Tensor

_MAX_TENSORS = 20
_GPT2_ROWS = range(50257, 50257 + 1024)
"""Rows of a table for GPT-2's tokenizer; models have a few more than it has ids."""


class TensorReport(NamedTuple):
    """A tensor of a file."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class WeightsReport:
    """What a checkpoint holds."""

    path: str
    bytes: int
    tokenizer: str | None
    """Whose tokens the neighbours are; None if none was used."""
    token_table: TableReport | None
    position_table: TableReport | None
    near: Near | None
    positions: Positions | None
    notes: tuple[str, ...]
    """Why a table is not used."""
    tensors: int
    """How many the file has, tables included."""
    others: tuple[TensorReport, ...]
    """The first tensors that are not used as tables, in the order of the file."""


@dataclass(frozen=True)
class WeightsOptions:
    """What to show of a checkpoint."""

    path: str
    token_table: str | None = None
    position_table: str | None = None
    """Names of the tables, if they are not the usual ones."""
    near: str | None = None
    """A token or an id."""
    tokenizer: str | None = None
    """None for GPT-2's, if the table has as many rows."""


def inspect_weights(options: WeightsOptions) -> WeightsReport:
    """Describe a checkpoint. Nothing in it is executed.

    Raises:
        UsageError: `near` is not one token.
        GptprepError: the file cannot be read, or a table that is named is none.
        CorruptDataError: it is not a file of tensors.
        MissingDependencyError: it needs torch, which is not installed.
    """
    path = options.path
    tensors = _Safetensors(path) if is_safetensors(path) else _Checkpoint(path)
    token, token_note = _find(tensors, path, "token", options.token_table)
    position, position_note = _find(tensors, path, "position", options.position_table)
    tokenizer = near = row = positions = None
    token_report = position_report = None
    if options.near is not None:
        if token is None:
            raise GptprepError(f"--near needs a token table, and {token_note}", fix="name it: --token-table")
        tokenizer = _tokenizer(options.tokenizer, token.rows)
        row = row_of(options.near, tokenizer, token)
    if token:
        token_report, near = token_table(token, row, tokenizer)
    if position:
        position_report, positions = position_table(position)
    used = {table.name for table in (token, position) if table}
    others = [tensor for tensor in tensors.listed() if tensor.name not in used]
    return WeightsReport(
        path=path,
        bytes=os.path.getsize(path),
        tokenizer=tokenizer.name if tokenizer else None,
        token_table=token_report,
        position_table=position_report,
        near=near,
        positions=positions,
        notes=tuple(filter(None, (token_note, position_note))),
        tensors=len(others) + len(used),
        others=tuple(others[:_MAX_TENSORS]),
    )


def _tokenizer(name: str | None, rows: int) -> Tokenizer | None:
    if name is not None:
        return load_tokenizer(name)
    return load_tokenizer("gpt2") if rows in _GPT2_ROWS else None


class _Tensors:
    """The tensors of a file."""

    def __init__(self, tensors: Mapping[str, TensorReport]) -> None:
        self._tensors = tensors

    def listed(self) -> list[TensorReport]:
        """All of them."""
        return list(self._tensors.values())

    def table(self, path: str, kind: str, name: str | None) -> Rows:
        """The table of a kind; raises if there is none."""
        shapes = {name: tensor.shape for name, tensor in self._tensors.items()}
        found = find_table(path, shapes, kind, name)
        check_table(path, found, shapes[found], self._tensors[found].dtype)
        return self.rows(found)

    def rows(self, name: str) -> Rows:
        """The rows of a tensor that is a table."""
        raise NotImplementedError


class _Safetensors(_Tensors):
    def __init__(self, path: str) -> None:
        self._path, self._formats = path, read_tensor_formats(path)
        super().__init__({n: TensorReport(n, t.shape, t.dtype) for n, t in self._formats.items()})

    def rows(self, name: str) -> Rows:
        return FileRows(self._path, name, self._formats[name])


class _Checkpoint(_Tensors):
    """What torch.save wrote."""

    def __init__(self, path: str) -> None:
        from gptprep.pipelines.embed.planning import torch_imported

        with torch_imported():
            from gptprep.training.checkpoints import open_tensors
        self._stored: dict[str, Tensor] = open_tensors(path)
        super().__init__({n: TensorReport(n, t.shape, t.dtype) for n, t in self._stored.items()})

    def rows(self, name: str) -> Rows:
        from gptprep.training.checkpoints import as_array

        return ArrayRows(name, as_array(self._stored[name].read()), self._stored[name].dtype)


def _find(tensors: _Tensors, path: str, kind: str, name: str | None) -> tuple[Rows | None, str]:
    """A table, or why there is none; a name that the user gives must be that of a table."""
    try:
        return tensors.table(path, kind, name), ""
    except GptprepError as error:
        if name is not None or error.exit_code != 1:
            raise
        return None, error.what
