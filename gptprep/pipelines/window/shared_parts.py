"""Parts that several processes write: the folder `OUT.parts`, and the plan that they have in common.

No process knows of another. Parts are written without locks: each gets its name when it is complete, with a
receipt beside it, and the same part from two processes has the same bytes. The first process writes
`plan.json`, and all others must have the same plan; the one that makes the shards locks that file.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from gptprep import __version__
from gptprep.errors import FinishingError, GptprepError, UsageError, os_errors
from gptprep.pipelines.window.options import settings_of
from gptprep.pipelines.window.planning import WindowPlan
from gptprep.storage.files import read_regular, unique_name
from gptprep.storage.json_files import json_bytes, parse_json
from gptprep.storage.locks import locked_file
from gptprep.storage.sealed import check_seal, sealed_json
from gptprep.storage.workdir import discard, is_marked, mark
from gptprep.tokens import receipts
from gptprep.tokens.parts import PARTS_FOLDER, SHARED_SUFFIX, EncodeTask
from gptprep.units import MIB

_FORMAT, _VERSION = "gptprep-parts", 1
_PLAN = "plan.json"
_DONE = ".done"
"""Beside the parts of a stream, which only the process that has read all of it can count."""


def folder_of(output: str) -> str:
    """The folder for the parts of an output."""
    return os.path.realpath(output) + SHARED_SUFFIX


def claim(plan: WindowPlan) -> str:
    """The folder of the parts, made if this process is the first.

    Raises:
        UsageError: an input can be read by one process only.
        GptprepError: it belongs to another plan, or cannot be written.
        CorruptDataError: its plan is damaged.
    """
    if once := next((source for source in plan.sources if source.stamp is None), None):
        why = f"every process reads the inputs, and {once.label} can be read only once"
        raise UsageError("--part cannot be used", why, "name files")
    folder = folder_of(plan.options.output)
    with os_errors("write", folder):
        os.makedirs(folder, exist_ok=True)
        if os.listdir(folder) and not is_marked(folder):  # in this order: the marker is the first file in it
            what = f"{folder} already exists and was not written by gptprep"
            raise GptprepError(what, "it is needed for the parts", "move it away, or choose another output")
        mark(folder)
        os.makedirs(os.path.join(folder, PARTS_FOLDER), exist_ok=True)
        path = os.path.join(folder, _PLAN)
        if not os.path.exists(path):
            _write_once(path, sealed_json(_description(plan)))
    _check_plan(plan, path)
    return os.path.join(folder, PARTS_FOLDER)


def _write_once(path: str, data: bytes) -> None:
    """Write a file, unless another process was first."""
    new = unique_name(path)
    with open(new, "xb") as file:
        file.write(data)
    try:
        os.link(new, path)
    except FileExistsError:
        os.unlink(new)
    except OSError:  # a file system without hard links
        os.replace(new, path)
    else:
        os.unlink(new)


def _description(plan: WindowPlan) -> dict[str, Any]:
    """What the bytes of the parts and shards follow from, and what a person may want to know of it."""
    sources = [
        (source.name, source.kind, source.ids_dtype, source.size, source.stamp) for source in plan.sources
    ]
    settings = settings_of(plan.options, plan.windows.dtype, plan.tokenizer)
    digest = hashlib.sha256(json_bytes([sources, plan.train_sources, settings])).hexdigest()
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "gptprep": __version__,
        "tokenizer": plan.tokenizer.name,
        "engine": plan.tokenizer.engine,
        "sources": len(plan.sources),
        "made_from_sha256": digest,
    }


def _check_plan(plan: WindowPlan, path: str) -> None:
    ours, data = _description(plan), read_regular(path, MIB)
    if data == sealed_json(ours):
        return
    check_seal(data, path)
    found: dict[str, Any] = parse_json(data, path)
    why = "its inputs, options or tokenizer are others"
    for name, of_what in (("gptprep", "gptprep"), ("engine", "the engine")):
        if found.get(name) != ours[name]:
            why = f"it was made with {of_what} {found.get(name)}, and this process has {ours[name]}"
    folder = plan.options.output.rstrip(os.sep) + SHARED_SUFFIX
    fix = f"give the same command and install the same packages for each process, or remove {folder}"
    raise GptprepError(f"{folder} has parts of another plan", why, fix)


def existing(plan: WindowPlan) -> str | None:
    """The folder of the parts that processes of a job array have written; None if there is none.

    Raises:
        GptprepError: it belongs to another plan.
        CorruptDataError: its plan is damaged.
    """
    folder = folder_of(plan.options.output)
    path = os.path.join(folder, _PLAN)
    if not is_marked(folder) or not os.path.exists(path):  # or it was killed before it wrote a part
        return None
    _check_plan(plan, path)
    return os.path.join(folder, PARTS_FOLDER)


@contextmanager
def locked(plan: WindowPlan) -> Iterator[None]:
    """Let only one process use the parts. The lock is on a file, which network file systems know of.

    Raises:
        FinishingError: another process uses them.
    """
    output = plan.options.output
    with os_errors("write", output), locked_file(os.path.join(folder_of(output), _PLAN)) as is_ours:
        if not is_ours:
            what, fix = f"{output} is being written by another process", "wait until it has ended"
            raise FinishingError(what, "it has found all parts", fix)
        yield


def remove_parts(plan: WindowPlan) -> None:
    """Remove the folder of the parts, if there is one of this plan: the output is complete."""
    # Another process may still write there, and parts of another plan are not ours to remove.
    with suppress(OSError, GptprepError):
        folder = folder_of(plan.options.output)
        if is_marked(folder):
            if os.path.exists(path := os.path.join(folder, _PLAN)):
                _check_plan(plan, path)
            discard(folder)


def mark_done(tasks: Sequence[EncodeTask]) -> None:
    """Say of the streams among some tasks that all of their parts are written."""
    for task in tasks:
        if task.sources.is_stream:
            with open(_done_path(task), "wb"):
                pass


def left(tasks: Sequence[EncodeTask]) -> list[EncodeTask]:
    """The tasks whose parts are not there.

    The folder is listed: a network file system may remember for a while that a name was not there.
    """
    names = set(os.listdir(os.path.dirname(tasks[0].path)))
    return [task for task in tasks if os.path.basename(_done_path(task)) not in names]


def _done_path(task: EncodeTask) -> str:
    receipt = receipts.receipt_path(task.path)
    return os.path.splitext(receipt)[0] + _DONE if task.sources.is_stream else receipt
