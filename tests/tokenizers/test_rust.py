"""Panics of libraries in Rust, and standard error during their calls."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, NoReturn

import pytest

from gptprep.errors import GptprepError
from gptprep.tokenizers import load_tokenizer, rust
from gptprep.tokenizers.rust import call_rust, filtered
from tests.helpers.children import run_in_child
from tests.helpers.cli import run_fresh
from tests.helpers.hugging_face import saved, split_step, trained

BAD_TABLE = {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}
LONG_PREFIX = {"model": {**trained()["model"], "continuing_subword_prefix": "x" * 50}}
SLOW_REGEX = {"pre_tokenizer": split_step("(a+)+c")}
EMPTY_PATTERN = {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}}


class PanicException(BaseException):
    """Has the name of those that Rust raises."""


def panic() -> NoReturn:
    """What a panic does, with something that another thread writes before and after."""
    message = b"\nthread '<unnamed>' (7) panicked at src/lib.rs:1:2:\na (text)\n"
    os.write(2, b"before\n" + message + b"note: run with `RUST_BACKTRACE=1`\nafter\n")
    raise PanicException("a (text)")


@pytest.mark.parametrize("settings", [BAD_TABLE, LONG_PREFIX, SLOW_REGEX, EMPTY_PATTERN])
def test_panic_prints_nothing(
    settings: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GptprepError):
        load_tokenizer(saved({**trained(), **settings}, tmp_path)).encode("a" * 40)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("backtrace", ["0", "1", "full"])
def test_command_line_shows_the_error_alone(backtrace: str, tmp_path: Path) -> None:
    file = saved({**trained(), **SLOW_REGEX}, tmp_path)
    arguments = ["encode", "-T", file, "-t", "a" * 40]
    result = run_fresh(arguments, tmp_path, {**os.environ, "RUST_BACKTRACE": backtrace}, b"")
    lines = [line for line in result.err.splitlines() if line]
    assert [line.split(":")[0].strip() for line in lines][:2] == ["error", "why"]
    assert "panicked" not in result.err


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (
            "Failed to read x\n\nCaused by:\n    No file (2)\n\nLocation:\n    src/a.rs:1:2",
            "Failed to read x: No file (2)",
        ),
        ("one\ntwo", "one two"),
    ],
)
def test_message_of_several_lines_becomes_one(message: str, why: str) -> None:
    def fail() -> NoReturn:
        raise ValueError(message)

    with pytest.raises(GptprepError) as caught:
        call_rust(fail, lambda why: GptprepError("failed", why))
    assert caught.value.why == why


def test_what_others_write_during_a_panic_arrives(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GptprepError, match=re.escape("failed: a (text)")):
        call_rust(panic, lambda why: GptprepError("failed", why))
    assert capfd.readouterr() == ("", "before\nafter\n")


def test_what_another_thread_writes_during_a_call_arrives(capfd: pytest.CaptureFixture[str]) -> None:
    def call() -> int:
        thread = threading.Thread(target=os.write, args=(2, b"x" * 1_000_000 + b"\n"))
        thread.start()
        thread.join()
        return 7

    assert call_rust(call, GptprepError) == 7
    assert capfd.readouterr().err == "x" * 1_000_000 + "\n"


def test_call_in_another_thread_leaves_standard_error_alone(capfd: pytest.CaptureFixture[str]) -> None:
    before, inside = os.fstat(2), list[os.stat_result]()
    thread = threading.Thread(target=call_rust, args=(lambda: inside.append(os.fstat(2)), GptprepError))
    thread.start()
    thread.join()
    assert os.path.samestat(before, inside[0])
    assert capfd.readouterr().err == ""


def test_call_inside_a_call(capfd: pytest.CaptureFixture[str]) -> None:
    def outer() -> None:
        os.write(2, b"1 no\n")
        filtered(lambda: os.write(2, b"2 no\n"), lambda _: re.compile(b"2 no\n"))
        os.write(2, b"3\n")

    filtered(outer, lambda _: re.compile(b"1 no\n"))
    assert capfd.readouterr().err == "3\n"


def test_interrupt_restores_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    def call() -> None:
        os.write(2, b"kept\n")
        signal.raise_signal(signal.SIGINT)

    before = os.fstat(2)
    with pytest.raises(KeyboardInterrupt):
        call_rust(call, GptprepError)
    assert os.path.samestat(before, os.fstat(2))
    assert capfd.readouterr().err == "kept\n"


def test_interrupt_at_any_moment_restores_standard_error(tmp_path: Path) -> None:
    """A signal at random moments interrupts what the module does."""

    def interrupt(_signal: int, frame: FrameType | None) -> None:
        while frame:
            if frame.f_code.co_filename == rust.__file__:
                raise KeyboardInterrupt
            frame = frame.f_back

    def work() -> int:
        random, before, n_interrupts = Random(1), os.fstat(2), 0
        signal.signal(signal.SIGALRM, interrupt)
        for _ in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 3e-3))
                for _ in range(1000):
                    call_rust(int, GptprepError)
            except KeyboardInterrupt:
                n_interrupts += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            if not os.path.samestat(before, os.fstat(2)):
                return 1
        return 0 if n_interrupts else 2

    assert run_in_child(work, tmp_path).code == 0


@pytest.mark.parametrize("stream", [None, os.devnull, "/dev/full"])
def test_standard_error_that_is_closed_or_full(stream: str | None, tmp_path: Path) -> None:
    file = saved({**trained(), **SLOW_REGEX}, tmp_path)

    def work() -> int:
        os.close(2)
        if stream:
            os.open(stream, os.O_WRONLY)
        with pytest.raises(GptprepError, match="cannot encode"):
            load_tokenizer(file).encode("a" * 40)
        with pytest.raises(GptprepError, match="failed"):
            call_rust(panic if stream else error, lambda why: GptprepError("failed", why))
        return 0

    def error() -> NoReturn:
        raise ValueError

    assert run_in_child(work, tmp_path).code == 0


def test_forked_child_has_a_file_of_its_own(tmp_path: Path) -> None:
    call_rust(int, GptprepError)
    file = rust._unused[-1].descriptor

    def work() -> None:
        filtered(lambda: os.write(2, b"of the child\n"), lambda _: re.compile(b"no"))

    assert run_in_child(work, tmp_path).messages == "of the child\n"
    assert os.fstat(file).st_size == 0


@pytest.mark.parametrize("reopen", [True, False])
def test_file_that_something_else_closed_is_not_used(
    reopen: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    call_rust(int, GptprepError)
    file, other = rust._unused[-1].descriptor, os.open(tmp_path / "other", os.O_CREAT | os.O_WRONLY)
    (os.dup2(other, file) if reopen else os.close(file))
    filtered(lambda: os.write(2, b"kept\n"), lambda _: re.compile(b"no"))
    assert capfd.readouterr().err == "kept\n"
    assert (tmp_path / "other").read_bytes() == b""
    os.close(other)
    if reopen:
        os.close(file)


def test_without_a_file_in_memory_a_temporary_file_serves(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(rust, "_unused", [])
    with pytest.raises(GptprepError):
        call_rust(panic, lambda why: GptprepError("failed", why))
    assert capfd.readouterr().err == "before\nafter\n"
