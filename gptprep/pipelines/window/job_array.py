"""`window --part I/N`: the work of one process of a job array.

The processes are started in any order, any number of times, on any machines that see the same folder. Each
writes the parts whose numbers are its own (`shared_parts`). The one that finds all of them there runs the
plan over them, as a process alone would; a lock keeps it to one.
"""

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import NamedTuple

from gptprep.errors import FinishingError, GptprepError, UsageError
from gptprep.pipelines.window import shared_parts
from gptprep.pipelines.window.planning import WindowPlan
from gptprep.pipelines.window.running import WindowReport, run
from gptprep.progress import Progress, SharedProgress, no_progress
from gptprep.tokens.parts import EncodeTask, Part, plan_tasks, text_of_part, write_parts


class ArrayProcess(NamedTuple):
    """Which of a job array's processes this is."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "ArrayProcess":
        """Read `I/N`, where I is from 1 to N, or from 0 to N - 1.

        Raises:
            UsageError: it is something else.
        """
        if match := re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text):
            number, of = int(match[1]), int(match[2])
            if number <= of and of:
                return cls(number, of)
        why = "it is the number of this process, and how many there are"
        raise UsageError(f"--part is {text}", why, "give it as 3/8")

    def own(self, tasks: Sequence[EncodeTask]) -> list[EncodeTask]:
        """The tasks of this process: neighbours go to others, so that all have some of each input."""
        return list(tasks[self.number % self.of :: self.of])


@dataclass(frozen=True, kw_only=True)
class ArrayReport:
    """What one process has done, if it has not written the shards."""

    output: str
    process: int
    processes: int
    written: int
    """Parts that this process has encoded."""
    resumed: int
    """Parts of its own that were there already."""
    tasks: int
    """How many tasks there are for all processes; each makes a part, or the parts of one stream."""
    left: int
    """How many of them are not done."""
    is_complete: bool
    """Whether the shards are there: another process has written them."""


def run_process(
    plan: WindowPlan, progress: Progress = no_progress, *, process: ArrayProcess
) -> ArrayReport | WindowReport:
    """Write the parts of one process, and the shards if no other part is missing.

    Raises:
        UsageError: an input can be read by one process only.
        GptprepError: an input cannot be read or encoded, or the parts are of another plan; as `run`.
        CorruptDataError: an input is not what its format says.
    """
    output = plan.options.output
    try:
        folder = shared_parts.claim(plan)
        planned = plan_tasks(plan.sources, folder, plan.tokenizer, plan.options.encoding, plan.train_sources)
        tasks = [replace(task, has_receipt=True) for task in planned]
        parts = _write(plan, process.own(tasks), progress)
        left = len(shared_parts.left(tasks))
        if not left:
            return run(plan, progress)
    except (GptprepError, OSError) as error:
        if not isinstance(error, FinishingError) and not plan.is_complete():
            raise
        parts, tasks, left = [], [], 0  # another process has all parts, and writes or has written the shards
    except BaseException as error:
        error.add_note(f"finished work is kept in {output}.parts: the same command continues from there")
        raise
    if is_complete := plan.is_complete():
        shared_parts.remove_parts(plan)  # this process may have made it again
    resumed = sum(part.resumed for part in parts)
    return ArrayReport(
        output=output,
        process=process.number,
        processes=process.of,
        written=len(parts) - resumed,
        resumed=resumed,
        tasks=len(tasks),
        left=left,
        is_complete=is_complete,
    )


def _write(plan: WindowPlan, tasks: Sequence[EncodeTask], progress: Progress) -> list[Part]:
    if not tasks:
        return []
    n_bytes = sum(byte_range.range_bytes for task in tasks for byte_range in task.sources.ranges)
    report = SharedProgress(progress, "encoding", n_bytes, "bytes").add
    part_bytes = text_of_part(plan.sources, plan.tokenizer)
    with closing(write_parts(tasks, plan.workers, report, part_bytes)) as written:
        parts = list(written)
    shared_parts.mark_done(tasks)
    return parts
