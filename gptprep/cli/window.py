"""`gptprep window`."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

from gptprep.choices import DEFAULT_CONTEXT_LENGTH, DEFAULT_SHARD_BYTES, Boundary, IdDtype, Layout, ValBy
from gptprep.cli import next_commands, options
from gptprep.cli.numbers import exact_size, parse_size
from gptprep.cli.options import choice, flag, option
from gptprep.cli.streams import Streams
from gptprep.errors import UsageError

if TYPE_CHECKING:
    from gptprep.pipelines.window import ArrayProcess, WindowPlan, WindowSpec

_SPLIT_BY = "What --val-fraction is of: the tail of the stream, or documents chosen by a seeded hash."
_BOUNDARY = """What ends a window: the end of the stream only, or that of its document; short windows are then
padded, and their lengths stored."""
_LAYOUT = """How ids are stored: as inputs and targets, or each id once; windows are then made when they are
read."""
_DTYPE = "Data type of the ids; auto picks the smallest that fits."
_SHARD_SIZE = "The largest file, such as 64MB or 1GiB."
_DEFAULT_SIZE = exact_size(DEFAULT_SHARD_BYTES)
_VAL = """File, folder or quoted glob whose text goes to val instead of train; can be repeated. Each split is
then what its inputs alone would give."""
_PART = """Do only what is due to process I of N, such as 3/8. All N are started in any order, on any machines
that see the output's folder."""
_FRACTION = "Fraction of the stream, or of the documents, that goes to val, such as 0.1 or 10%."


@dataclass(frozen=True)
class _AdvancedArguments:
    """Less common kinds of windows and shards."""

    split_by: Annotated[ValBy, choice("--split-by", _SPLIT_BY)] = "tail"
    boundary: Annotated[Boundary, choice("--boundary", _BOUNDARY)] = "stream"
    shuffle: Annotated[bool, flag("--shuffle", "Put each split's windows in a seeded random order.")] = False
    seed: Annotated[int, option("--seed", "N", "Seed for --shuffle and --split-by document.")] = 0
    layout: Annotated[Layout, choice("--layout", _LAYOUT)] = "pairs"
    dtype: Annotated[IdDtype, choice("--dtype", _DTYPE)] = "auto"
    input_dtype: options.InputDtype = None
    shard_size: Annotated[str, option("--shard-size", "SIZE", _SHARD_SIZE)] = _DEFAULT_SIZE

    def windows(self, context_length: int, stride: int | None, val_fraction: str) -> "WindowSpec":
        """The options that say which windows there are."""
        from gptprep.pipelines.window import WindowSpec

        return WindowSpec(
            context_length=context_length,
            stride=stride,
            val_fraction=val_fraction,
            split_by=self.split_by,
            boundary=self.boundary,
            shuffle=self.shuffle,
            seed=self.seed,
        )


_ContextLength = Annotated[int, option("--context-length -L --max-length", "L", "Ids in a window.")]
_Stride = Annotated[int | None, option("--stride -S", "S", "Ids between the starts of windows.", "L")]


def command(
    streams: Streams,
    output: options.OutputFolder,
    advanced: _AdvancedArguments,
    encoding: options.EncodingArguments,
    inputs: options.OptionalInputs = None,
    context_length: _ContextLength = DEFAULT_CONTEXT_LENGTH,
    stride: _Stride = None,
    val_fraction: Annotated[str, option("--val-fraction", "F", _FRACTION)] = "0",
    val: Annotated[list[str] | None, option("--val", "INPUT", _VAL)] = None,
    tokenizer: options.IdsTokenizerName = None,
    force: options.Force = False,
    if_changed: options.IfChanged = False,
    part: Annotated[str | None, option("--part", "I/N", _PART)] = None,
    dry_run: options.DryRun = False,
) -> None:
    """Turn a corpus into sliding-window input/target shards in .npy.

    Documents are joined by the end-of-text id, and windows run across them; targets are the inputs one id
    later. Files that end in .npy or .bin are read as ids. Without INPUT, standard input is read.

    The folder appears when everything in it is complete. If a run is stopped, the same command continues it.

    Examples:
        gptprep window sample_texts -o shards -L 256 -S 128 --val-fraction 0.1
        gptprep window sample_texts -o named -L 256 --val sample_texts/poem.txt
        gptprep window sample_texts -o more -L 512 --dry-run
        gptprep window train.bin -o tokens -L 256 --layout tokens --shuffle
    """
    from gptprep.pipelines import window

    process = _process(part, force=force, if_changed=if_changed)
    wanted = window.WindowOptions(
        inputs=tuple(options.or_standard_input(inputs, "window", "name a file or a folder")),
        output=output,
        val_inputs=tuple(val or ()),
        windows=advanced.windows(context_length, stride, val_fraction),
        encoding=encoding.spec_of_ids(tokenizer),
        layout=advanced.layout,
        dtype=advanced.dtype,
        input_dtype=advanced.input_dtype,
        shard_size=parse_size(advanced.shard_size),
        stdin=encoding.stdin,
        files=encoding.files,
        workers=encoding.workers,
        force=force,
        if_changed=if_changed,
        in_job_array=process is not None,
    )
    with streams.progress() as progress:
        plan = window.plan(wanted, progress, window.THOROUGH if dry_run else window.QUICK)
    streams.note_each(encoding.without_effect(source.kind for source in plan.sources))
    _carry_out(streams, plan, process, dry_run=dry_run)


def _process(part: str | None, *, force: bool, if_changed: bool) -> "ArrayProcess | None":
    """Which process of a job array this is, if it is one.

    Raises:
        UsageError: --part is no number of a number, or is given with --force or --if-changed.
    """
    from gptprep.pipelines.window import ArrayProcess

    if part is None:
        return None
    if if_changed:
        why = "a process whose output is there, and newer than the inputs, has nothing to do anyway"
        raise UsageError("--part and --if-changed cannot be used together", why, "leave out --if-changed")
    if force:
        why = "a process that starts late would replace what the others have written"
        raise UsageError("--part and --force cannot be used together", why, "leave out --force")
    return ArrayProcess.parse(part)


def _carry_out(
    streams: Streams, plan: "WindowPlan", process: "ArrayProcess | None", *, dry_run: bool
) -> None:
    """Say what the plan is; run it, or the work of one process, and show the report."""
    from gptprep.cli.render import folders
    from gptprep.pipelines import window

    output = plan.options.output
    if plan.up_to_date:
        if process and not dry_run:
            window.remove_parts(plan)
        streams.up_to_date(output, dry_run=dry_run)
        return
    streams.announce(plan, *folders.window_plan(plan, dry_run=dry_run), dry_run=dry_run)
    if dry_run:
        return
    if process is None:
        streams.carry_out(window.run, plan, folders.windows, next_commands.after_folder(output))
        return

    def kind(report: object) -> str:
        return "array-report" if isinstance(report, window.ArrayReport) else "report"

    run = partial(window.run_process, process=process)
    streams.carry_out(run, plan, folders.array_process, kind=kind)
