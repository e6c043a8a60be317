"""Planning `window`: what it reads, and about how much it will write."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gptprep.choices import IdDtype
from gptprep.corpus.selection import Selection, select_sources, selection_of
from gptprep.corpus.sources import Source, stored_bytes
from gptprep.errors import GptprepError, UsageError
from gptprep.parallel.workers import chosen_workers
from gptprep.pipelines import split_notes
from gptprep.pipelines.up_to_date import compare
from gptprep.pipelines.window import estimates
from gptprep.pipelines.window.complete import is_complete, is_finished
from gptprep.pipelines.window.estimates import Expected
from gptprep.pipelines.window.options import WindowOptions, settings_of
from gptprep.progress import Progress, no_progress
from gptprep.shards.folder import LAYOUTS, not_only_shards, open_shards
from gptprep.shards.layout import Layout, ShardFormat
from gptprep.shards.manifest import (
    DTYPES,
    WindowFormat,
    window_format,
)
from gptprep.storage.files import require_free_space
from gptprep.storage.publish import check_folder_output, kept_bytes
from gptprep.tokenizers import Tokenizer, tokenizer_files
from gptprep.tokens.estimating import QUICK, Effort
from gptprep.tokens.id_file import id_dtype
from gptprep.tokens.id_inputs import resolve
from gptprep.tokens.parts import PARTS_FOLDER, SHARED_SUFFIX, ids_of_part
from gptprep.windows.spec import WindowSpec


@dataclass(frozen=True)
class WindowPlan:
    """What a run will read and, estimated from a sample, what it will write. None is unknown."""

    options: WindowOptions
    sources: tuple[Source, ...]
    """Those of the inputs, then those of the val inputs."""
    train_sources: int
    """How many of them are not those of val inputs."""
    selection: Selection
    tokenizer: Tokenizer
    layout: Layout
    windows: WindowFormat
    workers: int
    bytes: int | None
    """Of all sources, as they are on disk."""
    estimated_ids: int | None
    estimated_windows: int | None
    notes: tuple[str, ...]
    """What one may not expect of the splits."""
    made_from_sha256: str | None
    """Of what the output follows from, if `if_changed`."""
    up_to_date: bool
    """Whether the output was made from the same; there is then no need to run the plan."""
    estimated_bytes: int | None
    """The size of all shards. During the run the parts need space too, unless they become the shards."""
    estimated_seconds: float | None

    def is_complete(self) -> bool:
        """Whether the output is there, made from the same: see `complete`."""
        return is_complete(self.options, self.sources, self.train_sources, self.windows.dtype, self.tokenizer)

    @property
    def keeps_parts(self) -> bool:
        """Whether parts become shards as they are, but for those that a split divides."""
        shards = self.layout.formats(self.windows)["shards"]
        return _keeps_parts(self.options, self.sources, shards, self.tokenizer)

    def to_json(self) -> dict[str, Any]:
        """The plan as `--json` shows it."""
        spec = self.options.windows
        return {
            "output": self.options.output,
            "tokenizer": self.tokenizer.name,
            "context_length": spec.context_length,
            "stride": spec.step,
            "boundary": spec.boundary,
            "layout": self.layout.name,
            "dtype": self.windows.dtype.name,
            "sources": [{"path": source.name, "bytes": source.size} for source in self.sources],
            "train_sources": self.train_sources,
            "passed_over": self.selection.passed_over,
            "passed_over_files": [one._asdict() for one in self.selection.passed_over_files],
            "repeated": self.selection.repeated,
            "bytes": self.bytes,
            "estimated_ids": self.estimated_ids,
            "estimated_windows": self.estimated_windows,
            "estimated_bytes": self.estimated_bytes,
            "estimated_seconds": None if self.estimated_seconds is None else round(self.estimated_seconds, 1),
            "notes": self.notes,
        }


def plan(options: WindowOptions, progress: Progress = no_progress, effort: Effort = QUICK) -> WindowPlan:
    """Check everything that can be checked before the work, and estimate its size.

    Args:
        effort: how much is sampled for the estimates.

    Raises:
        UsageError: an option gives no windows.
        GptprepError: an input or the output cannot be used, or the disk is too small.
    """
    options = _with_val_inputs(options)
    spec, encoding = options.windows, options.encoding
    selection, train_sources, notes = _selected(options)
    sources = selection.sources
    check_output = partial(_check_output, options, sources)
    if not options.if_changed and not options.in_job_array:
        check_output()
    encoding, tokenizer, sources = resolve(encoding, sources, options.input_dtype)
    options = replace(options, encoding=encoding, force=options.force or options.if_changed)
    _check_boundary(spec, tokenizer)
    layout = LAYOUTS[options.layout]
    dtype = _dtype(options.dtype, tokenizer)
    windows = window_format(spec.context_length, dtype, spec.boundary, tokenizer.eot)
    for form in layout.formats(windows).values():
        form.rows_that_fit(options.shard_size)  # raises if there is no room
    workers = chosen_workers(options.workers)
    corpora = [sources[:train_sources], sources[train_sources:]] if options.val_inputs else [sources]
    expected = estimates.expected(corpora, spec, tokenizer, encoding.text, effort)
    shards = layout.formats(windows)["shards"]
    made_from, up_to_date = None, False
    if options.if_changed:
        settings = [train_sources, *settings_of(options, dtype, tokenizer)]
        stored = partial(_made_from_stored, options.output)
        made_from, up_to_date = compare(sources, settings, stored, progress)
        if not up_to_date:
            check_output()
    elif options.in_job_array:
        has_output = partial(is_complete, options, sources, train_sources, dtype, tokenizer)
        up_to_date = is_finished(options.output, has_output, check_output)
    if not up_to_date and expected and not any(source.has_lines for source in sources):
        keeps_parts = _keeps_parts(options, sources, shards, tokenizer)
        _require_space(options.output, tokenizer, expected, None if keeps_parts else shards)
    return WindowPlan(
        options=options,
        sources=tuple(sources),
        train_sources=train_sources,
        selection=selection,
        tokenizer=tokenizer,
        layout=layout,
        windows=windows,
        workers=workers,
        bytes=stored_bytes(sources),
        estimated_ids=expected and expected.ids,
        estimated_windows=expected and expected.windows,
        notes=(*notes, *split_notes.before(sources, encoding.text, spec)),
        made_from_sha256=made_from,
        up_to_date=up_to_date,
        estimated_bytes=expected and expected.bytes(shards),
        estimated_seconds=expected and expected.seconds(shards, workers),
    )


def _check_output(options: WindowOptions, sources: Sequence[Source]) -> None:
    """Check whether the output may be written; raises as `check_folder_output`."""
    reads = [*(source.path for source in sources), *tokenizer_files(*options.encoding.tokenizer_names)]
    force = options.force or options.if_changed
    check_folder_output(options.output, force=force, not_ours=not_only_shards, inputs=reads)


def _check_boundary(spec: WindowSpec, tokenizer: Tokenizer) -> None:
    """Raise a `GptprepError` if documents cannot be ended as the windows need it."""
    if spec.ends_with_documents and tokenizer.eot is None:
        what = f"the tokenizer {tokenizer.name} has no end-of-text token"
        why = "--boundary document needs it to end documents and to fill up short windows"
        raise GptprepError(what, why, "build the vocabulary with <|endoftext|> (the default)")


def _keeps_parts(
    options: WindowOptions, sources: Sequence[Source], shards: ShardFormat, tokenizer: Tokenizer
) -> bool:
    """Whether parts become shards. It must follow from inputs and options alone, as all bytes of a folder do.

    The parts of a `tokenizer.json` depend on the packages that can encode with it.
    """
    has_parts = shards.unit == "id" and not options.windows.splits_by_document
    is_same = shards.roles[0].dtype == id_dtype(tokenizer.n_vocab)
    depends = tokenizer.kind not in ("word", "char") and tokenizer.file[0].lower().endswith(".json")
    fits = ids_of_part(sources, tokenizer) <= shards.rows_that_fit(options.shard_size)
    return has_parts and is_same and fits and not depends


def _require_space(output: str, tokenizer: Tokenizer, expected: Expected, shards: ShardFormat | None) -> None:
    """Check that the disk has room for the parts, less what an earlier run left of them, and the shards.

    They are taken to be as small as the samples allow: a run that would fit is not refused, and one that does
    not fit after all is stopped when its ids are known.

    Args:
        shards: those that are written beside the parts; None if the parts become shards.
    """
    part_bytes = expected.least_ids * id_dtype(tokenizer.n_vocab).itemsize
    kept = kept_bytes(output, PARTS_FOLDER) + kept_bytes(output, PARTS_FOLDER, SHARED_SUFFIX)
    part_bytes -= min(part_bytes, kept)
    require_free_space(output, (expected.least_bytes(shards) if shards else 0) + part_bytes)


def _made_from_stored(output: str) -> str | None:
    """The sha256 that a complete shard folder keeps."""
    folder = open_shards(output)
    folder.check_sizes()
    return folder.manifest.made_from_sha256


def _dtype(name: IdDtype, tokenizer: Tokenizer) -> np.dtype[Any]:
    if name == "auto":
        return id_dtype(tokenizer.n_vocab)
    if name not in DTYPES:
        raise UsageError(f"--dtype is {name!r}", fix=f"give auto, {', '.join(DTYPES)}")
    dtype = np.dtype(name)
    if np.iinfo(dtype).max < tokenizer.n_vocab - 1:
        what = f"{name} does not hold the ids of {tokenizer.name}"
        fix = "leave out --dtype, or give uint32, int32 or int64"
        raise UsageError(what, f"the largest is {tokenizer.n_vocab - 1:,}", fix)
    return dtype


def _with_val_inputs(options: WindowOptions) -> WindowOptions:
    """The options, in which val inputs make the splits if there are any.

    Raises:
        UsageError: something else says what goes to val, too.
    """
    spec = options.windows
    if not options.val_inputs:
        return options
    if spec.fraction or spec.split_by == "document":
        other = "--val-fraction" if spec.fraction else "--split-by document"
        raise UsageError(f"--val and {other} both say what goes to val", fix=f"leave out --val or {other}")
    return replace(options, windows=replace(spec, split_by="inputs"))


def _selected(options: WindowOptions) -> tuple[Selection, int, list[str]]:
    """The sources for train and those for val, how many are for train, and notes about them."""
    if (*options.inputs, *options.val_inputs).count("-") > 1:
        raise UsageError("standard input is named twice", fix="name - once")
    train, val = (
        select_sources(inputs, ids=True, stdin=options.stdin, file_filter=options.files)
        for inputs in (options.inputs, options.val_inputs)
    )
    if not options.inputs:
        raise UsageError("there is nothing to window", fix="name a file or a folder")
    of_val = {source.identity for source in val.sources if source.stamp}
    kept = [source for source in train.sources if source.identity not in of_val]
    if not kept:
        why = "all files of the inputs are val inputs"
        raise UsageError("there is nothing to window", why, "name other files for train")
    selection = selection_of(kept + val.sources, train.passed_over_files + val.passed_over_files)
    return selection, len(kept), list(split_notes.of_inputs(train.sources, kept, val.sources))
