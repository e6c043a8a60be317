"""How a verb ends when a signal arrives, even where Python drops exceptions or clean-up fails."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gptprep.cli import run as cli_run
from gptprep.cli.streams import Streams
from tests.helpers.children import run_in_child
from tests.helpers.schemas import only_document

pytestmark = pytest.mark.faults
AGAIN = "run the same command again"
NOT_WRITTEN = f"x was not written; {AGAIN}"


def run_verb(
    folder: Path, *steps: Callable[[], object], ignored: bool = False, json_output: bool = False
) -> tuple[int, str]:
    """Run a verb with `-o x` in a child; returns its exit code and what it says.

    Args:
        ignored: whether SIGINT is ignored when the verb starts.
        json_output: whether it is run with --json.
    """

    def verb() -> None:
        for step in steps:
            step()

    def work() -> int:
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        streams = Streams(json_output=json_output, quiet=False, no_color=False)
        code = cli_run._run(verb, streams, "x", debug=False)
        time.sleep(0.02)  # a timer that outlives the verb would end the process
        return code

    ended = run_in_child(work, folder)
    return ended.code, ended.messages


def interrupt() -> None:
    """Receive SIGINT."""
    signal.raise_signal(signal.SIGINT)


def wait() -> None:
    """Wait for a signal."""
    time.sleep(20)


class Destructor:
    """Receives a signal in its destructor, where Python drops exceptions."""

    def __init__(self, number: int, seconds: float = 0) -> None:
        self._number, self._seconds = number, seconds

    def __del__(self) -> None:
        signal.raise_signal(self._number)
        time.sleep(self._seconds)


def receive(number: int) -> None:
    """Receive a signal."""
    signal.raise_signal(number)


def receive_in_destructor(number: int) -> None:
    """Receive a signal where Python drops the exception."""
    Destructor(number, 0.01)


def receive_and_fail_to_clean_up(number: int) -> None:
    """Receive a signal; the clean-up after it fails."""
    try:
        signal.raise_signal(number)
    finally:
        os.stat("no/such/file")


@pytest.mark.parametrize(
    ("number", "code", "how"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
    ids=["SIGINT", "SIGTERM"],
)
@pytest.mark.parametrize("received", [receive, receive_in_destructor, receive_and_fail_to_clean_up])
def test_no_signal_is_lost(
    tmp_path: Path, received: Callable[[int], None], number: int, code: int, how: str
) -> None:
    ended = run_verb(tmp_path, lambda: received(number), wait)
    assert ended == (code, f"{how}: {NOT_WRITTEN}\n")


def interrupt_after_a_part() -> None:
    """Receive SIGINT; something of the work is kept."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        error.add_note("the same command continues")
        raise


def test_interrupt_is_a_json_document_too(tmp_path: Path) -> None:
    code, messages = run_verb(tmp_path, interrupt_after_a_part, json_output=True)
    what, note, document = messages.split("\n", 2)
    assert (code, what, note) == (
        130,
        "interrupted: x was not written",
        " note: the same command continues",
    )
    notes = ["the same command continues"]
    said = {"what": what, "why": "", "fix": "", "exit_code": 130, "notes": notes}
    assert only_document(document.encode())["error"] == said


def test_signal_dropped_when_the_work_is_done_is_ignored(tmp_path: Path) -> None:
    for _ in range(10):
        assert run_verb(tmp_path, lambda: Destructor(signal.SIGINT)) == (0, "")


def test_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    assert run_verb(tmp_path, interrupt, ignored=True) == (0, "")


def test_interrupt_after_publishing_says_that_the_output_is_complete(tmp_path: Path) -> None:
    output = tmp_path / "x"
    assert run_verb(tmp_path, output.touch, interrupt) == (130, "interrupted: x is complete\n")
    assert run_verb(tmp_path, interrupt) == (130, f"interrupted: {AGAIN}\n")
    assert run_verb(tmp_path, output.unlink, interrupt) == (130, f"interrupted: {NOT_WRITTEN}\n")
