"""Fixtures that many tests share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
import tiktoken
from hypothesis import HealthCheck, settings
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext.openai_public import r50k_pat_str

from gptprep.manifests import sealed_json
from tests import trials as counted
from tests.trials import Trials

TOP = Path(__file__).parent.parent
SAMPLES = TOP / "sample_texts"
RANKS = TOP / "gptprep" / "tokenizers" / "data" / "r50k_base.tiktoken"

settings.register_profile("gptprep", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gptprep")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", type=int, default=1, help="try N times as many faults and hostile files")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    if lines := list(counted.summary(reports)):
        terminalreporter.section("faults and hostile files")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def trials(record_property: Callable[[str, object], None], pytestconfig: pytest.Config) -> Trials:
    """Counts what a test tries, for the lines at the end of the run."""
    return Trials(record_property, pytestconfig.getoption("--soak"))


class Result(NamedTuple):
    """How a run of the command line ended."""

    code: int
    out: bytes
    err: str


class Run(Protocol):
    """Runs `gptprep` as a process of its own."""

    def __call__(
        self, *arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None
    ) -> Result: ...


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`gptprep` in a process of its own, in the test's folder, with plain output."""

    def run(*arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "gptprep", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "100", **(env or {})},
            timeout=120,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def truth() -> tiktoken.Encoding:
    """GPT-2 as tiktoken itself makes it from the same ranks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", "")
        ranks = load_tiktoken_bpe(str(RANKS))
    special_tokens = {"<|endoftext|>": 50256}
    return tiktoken.Encoding(
        "gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens=special_tokens
    )


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """A copy of the sample texts in the test's folder."""
    return Path(shutil.copytree(SAMPLES, tmp_path / "sample_texts"))


def read_manifest(folder: Path) -> Any:
    """What a manifest says, its own sha256 aside."""
    value = json.loads((folder / "manifest.json").read_text())
    del value["sha256"]
    return value


def write_manifest(folder: Path, value: Any) -> None:
    """A manifest of other content, as if it had been written so."""
    (folder / "manifest.json").write_bytes(sealed_json(value))
