"""Running a plan of `embed`: the layer, its embeddings and the manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gptprep.choices import FloatDtype
from gptprep.errors import GptprepError
from gptprep.progress import Progress, no_progress
from gptprep.shards.arrays import ArrayFile
from gptprep.shards.embeddings_folder import (
    FORMAT,
    VERSION,
    WEIGHTS,
    not_only_embeddings,
)
from gptprep.storage.publish import publish_folder
from gptprep.storage.sealed import write_manifest
from gptprep.units import size

if TYPE_CHECKING:
    from gptprep.training.embedding import TokenPositionEmbedding

from gptprep.pipelines.embed.inputs import check_inputs
from gptprep.pipelines.embed.planning import EmbedPlan, torch_imported


@dataclass(frozen=True)
class EmbedReport:
    """What was written."""

    output: str
    device: str
    windows: dict[str, int]
    shape: tuple[int, int, int]
    dtype: str
    bytes: int
    notes: tuple[str, ...]
    """What the user may not know about the tables."""


def run(plan: EmbedPlan, progress: Progress = no_progress) -> EmbedReport:
    """Write the embeddings, the tables that made them, and the manifest.

    Raises:
        MissingDependencyError: torch or safetensors is not installed.
        GptprepError: the device or the output cannot be used, or a file changed while it was read; nothing
            is left at the output's name.
        CorruptDataError: a shard is not what its manifest says.
    """
    options = plan.options
    with torch_imported():
        from gptprep.training.checkpoints import save_tables
        from gptprep.training.embedding import choose_device, limit_threads
        from gptprep.training.writer import EmbeddingFiles

    limit_threads()
    device = choose_device(options.device)
    with publish_folder(options.output, force=options.force, not_ours=not_only_embeddings) as folder:
        with _device_errors(plan):
            model = _model(plan)
            notes = (*_notes(plan), *_overflow(model, options.dtype))
            saved = os.path.join(folder, WEIGHTS)
            sha256 = save_tables(model.state_dict(), saved, model.position)
            weights = {"file": WEIGHTS, "bytes": os.path.getsize(saved), "sha256": sha256}
            dim, dtype = plan.size.dim, options.dtype
            to_write = EmbeddingFiles(plan.folder, plan.windows, dim, dtype, options.batch_size)
            files = to_write.write(model.to(device), folder, progress)
        check_inputs(plan.folder, plan.inputs)
        write_manifest(folder, _manifest(plan, weights, files))
    return EmbedReport(options.output, str(device), plan.windows, plan.shape, dtype, plan.bytes, notes)


def _model(plan: EmbedPlan) -> TokenPositionEmbedding:
    """The layer with the tables of the checkpoint, or random ones."""
    from gptprep.training.embedding import TokenPositionEmbedding

    options, tables, (_, length, dim) = plan.options, plan.tables, plan.shape
    position, init = options.position, options.init or "normal"
    if tables is None:
        n_vocab = plan.folder.manifest.tokenizer.n_vocab
        return TokenPositionEmbedding(n_vocab, dim, length, position, init, options.seed)
    read = tables.position.read() if tables.position else None
    table = length if position == "sinusoidal" else read
    return TokenPositionEmbedding.from_tables(tables.token.read(), table)


@contextmanager
def _device_errors(plan: EmbedPlan) -> Iterator[None]:
    """Explain the RuntimeErrors that torch raises when memory runs out or a device fails."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        why = str(error).partition("\n")[0]
        if isinstance(error, MemoryError) or "out of memory" in why or "allocate memory" in why:
            tables = f"the tables take {size(plan.size.bytes(0, 'float32'))}"
            fix = "give a smaller --dim or --batch-size, or another --device"
            raise GptprepError("not enough memory", f"{tables}, and batches need more", fix) from error
        raise GptprepError("cannot compute the embeddings", why, "give another --device") from error


def _notes(plan: EmbedPlan) -> Iterator[str]:
    if plan.options.limit is not None:
        yield f"--limit applies to windows only: the tables in {WEIGHTS} are complete"
    if plan.tables is None:
        return
    for table in filter(None, (plan.tables.token, plan.tables.position)):
        if table.dtype != "float32":
            yield f"{table.name} is {table.dtype}; it was converted to float32"
    spare = plan.tables.token.rows - plan.folder.manifest.tokenizer.n_vocab
    if spare:
        yield f"{plan.tables.token.name} has {spare:,} rows more than the vocabulary has ids; they are unused"


def _overflow(model: TokenPositionEmbedding, dtype: FloatDtype) -> Iterator[str]:
    """A note if embeddings may be too large for the dtype, from the largest numbers in the tables."""
    if dtype != "float16":
        return
    ranges = [(table.min().item(), table.max().item()) for table in model.state_dict().values()]
    largest = sum(max(-low, high) for low, high in ranges)
    if not largest <= float(np.finfo(np.float16).max):
        yield f"the tables hold numbers up to {largest:.3g}: beyond 65,504 a float16 is infinite"


def _manifest(plan: EmbedPlan, weights: dict[str, Any], files: dict[str, list[ArrayFile]]) -> dict[str, Any]:
    options, source, tables = plan.options, plan.folder.manifest, plan.tables
    used = filter(None, (tables.token, tables.position)) if tables else ()
    return {
        "format": FORMAT,
        "version": VERSION,
        "shards_sha256": plan.folder.manifest_sha256,
        "tokenizer": source.tokenizer._asdict(),
        "n_vocab": source.tokenizer.n_vocab,
        "context_length": source.context_length,
        "dim": plan.size.dim,
        "position": options.position,
        "init": None if tables else options.init or "normal",
        "seed": None if tables else options.seed,
        "pretrained": [{"name": table.name, "rows": table.rows, "dtype": table.dtype} for table in used],
        "dtype": options.dtype,
        "made_from_sha256": plan.made_from_sha256,
        "weights": weights,
        "splits": {
            name: {"windows": plan.windows[name], "embeddings": [array._asdict() for array in arrays]}
            for name, arrays in files.items()
        },
    }
