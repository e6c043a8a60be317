"""`encode`: text to ids, on a stream or in a file."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO

from gptprep.choices import IdFormat, SourceKind
from gptprep.corpus.selection import FileFilter as FileFilter
from gptprep.corpus.selection import Selection, select_sources
from gptprep.corpus.sources import Source, estimated_text_bytes, stored_bytes, text_source
from gptprep.corpus.text_options import TextOptions as TextOptions
from gptprep.errors import UsageError
from gptprep.parallel.workers import chosen_workers
from gptprep.progress import Progress, SharedProgress, no_progress
from gptprep.storage.publish import check_file_output, clear_leftover, publish_file, working_folder
from gptprep.storage.temporary import temporary_errors, temporary_folder
from gptprep.tokenizers import Tokenizer, tokenizer_files
from gptprep.tokens.counts import EncodingReport as EncodingReport
from gptprep.tokens.counts import LiteralSpecial as LiteralSpecial
from gptprep.tokens.counts import SourceCounts, check_not_empty, literal_specials, totals
from gptprep.tokens.counts import Totals as Totals
from gptprep.tokens.cross_check import CrossChecker
from gptprep.tokens.encoder import CorpusEncoder
from gptprep.tokens.formats import WRITERS
from gptprep.tokens.reference_first import ReferenceFirst, as_array, as_list, engine_used, reference_bytes
from gptprep.tokens.spec import EncodingSpec as EncodingSpec
from gptprep.units import MIB

_LARGE_INPUT = 16 * MIB
"""Bytes of text from which many workers write numbers."""
_NUMBERS = ("npy", "bin")
"""The formats that are files of ids."""
_BY_ENDING: dict[str, IdFormat] = {
    ".npy": "npy",
    ".bin": "bin",
    ".json": "json",
    ".jsonl": "jsonl",
    ".txt": "ids",
    "": "ids",
}


@dataclass(frozen=True)
class EncodeOptions:
    """What to encode and where to write it.

    `texts` come before `inputs`. Without `output` the ids go to the stream given to `run`. Without `format`
    the ending of `output` decides: .npy, .bin, .json, .jsonl, and .txt or none for ids as text.
    """

    inputs: tuple[str, ...] = ()
    texts: tuple[bytes, ...] = ()
    encoding: EncodingSpec = field(default_factory=EncodingSpec)
    output: str | None = None
    format: IdFormat | None = None
    count_only: bool = False
    """Whether to write nothing but the number of ids."""
    stdin: SourceKind = "text"
    files: FileFilter = field(default_factory=FileFilter)
    workers: int | None = None
    force: bool = False
    if_changed: bool = False
    """Whether a file of ids that was made from the same is left as it is, and any other file replaced."""


@dataclass(frozen=True)
class EncodePlan:
    """What a run will read and write."""

    options: EncodeOptions
    sources: tuple[Source, ...]
    selection: Selection
    tokenizer: Tokenizer
    format: IdFormat
    workers: int
    made_from_sha256: str | None
    """Of what the output follows from, if `if_changed`."""
    up_to_date: bool
    """Whether the output was made from the same; there is then no need to run the plan."""

    @property
    def is_large(self) -> bool:
        """Whether many workers write the output in parts."""
        is_numbers = self.options.output is not None and self.format in _NUMBERS
        large = self.tokenizer.task_bytes(_LARGE_INPUT)
        return is_numbers and sum(map(estimated_text_bytes, self.sources)) > large


@dataclass(frozen=True, kw_only=True)
class EncodeReport(EncodingReport):
    """What was encoded."""

    output: str | None
    format: str
    """A format, or "count"."""
    tokenizer: str
    n_vocab: int
    ids: int
    """All that were written, including end-of-text ids between documents; a count is without these."""
    sources: tuple[SourceCounts, ...]


def plan(options: EncodeOptions, progress: Progress = no_progress) -> EncodePlan:
    """Check everything that can be checked before the work.

    Raises:
        UsageError: there is nothing to encode, or the format does not fit the output.
        GptprepError: an input or the output cannot be used.
    """
    sources = [text_source(text, number) for number, text in enumerate(options.texts, 1)]
    selection = select_sources(options.inputs, stdin=options.stdin, file_filter=options.files)
    sources += selection.sources
    if not sources:
        raise UsageError("there is nothing to encode", fix="name a file, or give a text with -t")
    chosen = _chosen_format(options)
    if options.if_changed:
        if options.output is None or chosen not in _NUMBERS:
            why = "only .npy and .bin files keep what they were made from"
            raise UsageError("--if-changed has no file of ids to compare with", why, "give -o FILE.bin")
        options = replace(options, force=True)
    check_output = partial(_check_output, options, sources, chosen)
    if not options.if_changed:
        check_output()
    tokenizer = options.encoding.load_tokenizer()
    made_from, up_to_date = None, False
    if options.if_changed and options.output is not None:
        from gptprep.pipelines.up_to_date import compare

        settings = _settings(options, chosen, tokenizer)
        stored = partial(_made_from_stored, options.output)
        made_from, up_to_date = compare(sources, settings, stored, progress)
        if not up_to_date:
            check_output()
    workers = chosen_workers(options.workers)
    return EncodePlan(options, tuple(sources), selection, tokenizer, chosen, workers, made_from, up_to_date)


def _check_output(options: EncodeOptions, sources: Sequence[Source], chosen: IdFormat) -> None:
    """Check whether the output may be written."""
    if options.output is not None:
        reads = [*(source.path for source in sources), *tokenizer_files(*options.encoding.tokenizer_names)]
        check_file_output(options.output, force=options.force, inputs=reads)
        if chosen in _NUMBERS:
            from gptprep.tokens.provenance import check_provenance_output

            check_provenance_output(options.output, inputs=reads)


def _settings(options: EncodeOptions, chosen: IdFormat, tokenizer: Tokenizer) -> list[Any]:
    """What the bytes of a file of ids follow from, beside the sources."""
    from gptprep.tokens.provenance import TokenizerRecord

    encoding, record = options.encoding, TokenizerRecord.of(tokenizer)
    return [record, encoding.special, encoding.text, chosen]


def _made_from_stored(output: str) -> str | None:
    """The sha256 that a file of ids keeps."""
    from gptprep.tokens.provenance import read_provenance

    found = read_provenance(output)
    return found.made_from_sha256 if found else None


def _chosen_format(options: EncodeOptions) -> IdFormat:
    """The format, by name or by the ending of the output.

    Raises:
        UsageError: no format has the ending, or it is that of another format.
    """
    name, output = options.format, options.output
    if output is None:
        return name or "ids"
    ending = os.path.splitext(output)[1]
    by_ending = _BY_ENDING.get(ending)
    if ending in (".gz", ".zst"):
        raise UsageError(f"{output} would not be compressed", fix="choose another ending")
    if name is None:
        if by_ending is None:
            endings = " ".join(filter(None, _BY_ENDING))
            raise UsageError(f"{output} has the ending of no format", fix=f"choose one of {endings}")
        return by_ending
    is_own = by_ending == ("ids" if name == "tokens" else name)
    is_open = name not in _NUMBERS and (ending == "" or ending.lower() not in _BY_ENDING)
    if not is_own and not is_open:
        own = next((one for one, kind in _BY_ENDING.items() if kind == name), ".txt")
        what = f"the ending of {output} is not that of the format {name}"
        raise UsageError(what, fix=f"choose the ending {own}, or another format")
    return name


def run(plan: EncodePlan, progress: Progress = no_progress, out: BinaryIO | None = None) -> EncodeReport:
    """Encode to the output, or to `out` if there is none.

    Raises:
        UsageError: there is neither an output nor `out`.
        GptprepError: an input or the output cannot be used; nothing is left at the output's name.
        CorruptDataError: an input is not what its format says.
    """
    output = plan.options.output
    if output is not None:
        if plan.is_large:
            return _run_large(plan, output, progress)
        report = _run_small(plan, output, progress)
        clear_leftover(output)
        return report
    if out is None:
        raise UsageError("there is no place for the ids", fix="give an output")
    if plan.format != "npy" or plan.options.count_only:
        return _write(plan, out, progress)
    # The header has the length, and a pipe cannot seek back to it.
    folder = temporary_folder("--format npy on standard output", "give an output with -o")
    with ExitStack() as stack:
        with temporary_errors(folder, "give an output with -o"):
            file = stack.enter_context(tempfile.TemporaryFile(dir=folder))
            report = _write(plan, file, progress)
            file.seek(0)  # flushes
        shutil.copyfileobj(file, out, MIB)
        return report


def _run_small(plan: EncodePlan, output: str, progress: Progress) -> EncodeReport:
    if plan.format not in _NUMBERS:
        with publish_file(output, force=plan.options.force) as file:
            return _write(plan, file, progress)
    from gptprep.tokens.provenance import publish_ids

    with publish_ids(
        output, plan.tokenizer, force=plan.options.force, made_from=plan.made_from_sha256
    ) as ids:
        report = _write(plan, ids.file, progress)
        ids.finish(report.ids)
        return report


def _write(plan: EncodePlan, file: BinaryIO, progress: Progress) -> EncodeReport:
    tokenizer, spec = plan.tokenizer, plan.options.encoding
    is_numbers = plan.format in _NUMBERS
    as_ids: Callable[[Any], Any] = as_array if is_numbers else as_list
    engine = ReferenceFirst(tokenizer, reference_bytes(plan.sources, tokenizer), as_ids)
    cross_checker = CrossChecker(tokenizer, enabled=spec.cross_check, engine=engine)
    done = SharedProgress(progress, "encoding", stored_bytes(plan.sources), "bytes")
    encoder = CorpusEncoder[Any](plan.sources, tokenizer, spec.text, engine, cross_checker, done.add)
    if plan.options.count_only:
        n_ids = sum(chunk.n_ids for chunk in encoder)
        file.write(b"%d\n" % n_ids)
    else:
        n_ids = WRITERS[plan.format](file, tokenizer, encoder)
    if not plan.options.count_only:
        check_not_empty(plan.sources, encoder.counts)
    return _report(plan, n_ids, encoder.counts, cross_checker.compared, engine.by_reference)


def _run_large(plan: EncodePlan, output: str, progress: Progress) -> EncodeReport:
    """Let workers write parts, and append each to the output as soon as those before it are there."""
    from gptprep.storage.writers import LARGE_BYTES
    from gptprep.tokens.joining import JoinedFile
    from gptprep.tokens.parts import (
        PARTS_FOLDER,
        clear_others,
        encode_parts,
        estimated_id_bytes,
        kept_parts,
        plan_tasks,
    )
    from gptprep.tokens.provenance import publish_ids

    tokenizer, options, is_npy = plan.tokenizer, plan.options, plan.format == "npy"
    # The header of an .npy has the number of ids, so the file is read again to hash it.
    is_direct = not is_npy and estimated_id_bytes(plan.sources, tokenizer) > LARGE_BYTES
    with (
        working_folder(output, keep=PARTS_FOLDER) as folder,
        kept_parts(folder) as parts,
        publish_ids(output, tokenizer, force=options.force, made_from=plan.made_from_sha256) as ids,
        JoinedFile(ids.file, tokenizer.n_vocab, npy_header=is_npy, direct=is_direct) as joined,
    ):
        tasks = plan_tasks(plan.sources, parts, tokenizer, options.encoding)
        clear_others(tasks)
        encoded = encode_parts(plan.sources, tasks, plan.workers, progress, on_part=joined.append)
        ids.finish(encoded.stream_ids, joined.finish(encoded.stream_ids))
    checked = encoded.cross_checked, encoded.by_reference
    return _report(plan, encoded.stream_ids, encoded.counts, *checked, encoded.resumed)


def _report(
    plan: EncodePlan,
    n_ids: int,
    counts: Sequence[SourceCounts],
    cross_checked: int,
    by_reference: bool,
    resumed: int = 0,
) -> EncodeReport:
    return EncodeReport(
        output=plan.options.output,
        format="count" if plan.options.count_only else plan.format,
        tokenizer=plan.tokenizer.name,
        n_vocab=plan.tokenizer.n_vocab,
        engine=engine_used(plan.tokenizer, by_reference=by_reference),
        engine_note=plan.tokenizer.engine_note,
        reference=plan.tokenizer.reference,
        cross_checked=cross_checked,
        resumed=resumed,
        special_tokens=literal_specials(counts, plan.tokenizer),
        ids=n_ids,
        sources=tuple(counts),
        **totals(counts, plan.selection),
    )
