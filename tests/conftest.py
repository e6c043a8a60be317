"""Fixtures that many tests use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tiktoken
from hypothesis import HealthCheck, settings
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext.openai_public import r50k_pat_str

from tests.helpers import trials as counted
from tests.helpers.cli import Result, Run, needs_fresh_interpreter, run_fresh
from tests.helpers.deep_trees import DeepTree, clear, nest
from tests.helpers.fork_server import ForkServer
from tests.helpers.paths import RANKS, SAMPLES
from tests.helpers.trials import Trials

settings.register_profile("gptprep", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gptprep")
for variable in [name for name in os.environ if name.startswith("GPTPREP_")]:
    del os.environ[variable]  # defaults of whoever runs the tests


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", type=int, default=1, help="try N times as many faults and hostile files")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    if lines := list(counted.summary(reports)):
        terminalreporter.section("faults and hostile files")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_machine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """End the search for a settings file above the folders of the tests."""
    (tmp_path_factory.getbasetemp() / "gptprep.toml").touch()


@pytest.fixture
def trials(record_property: Callable[[str, object], None], pytestconfig: pytest.Config) -> Trials:
    """Counts what a test tries, for the lines at the end of the run."""
    return Trials(record_property, pytestconfig.getoption("--soak"))


@pytest.fixture(scope="session")
def fork_server() -> Iterator[Callable[[str], ForkServer]]:
    """The fork server for a verb, started when it is first needed."""
    servers: dict[bool, ForkServer] = {}

    def server_for(verb: str) -> ForkServer:
        has_torch = verb == "embed"
        if has_torch not in servers:
            names = (
                ("embed",)
                if has_torch
                else ("count", "decode", "encode", "inspect", "verify", "vocab", "window")
            )
            servers[has_torch] = ForkServer(*names)
        return servers[has_torch]

    yield server_for
    for server in servers.values():
        server.close()


@pytest.fixture
def run(tmp_path: Path, fork_server: Callable[[str], ForkServer]) -> Run:
    """`gptprep` as a process in the test's folder, with plain output of 100 columns."""

    def run(*arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Result:
        words, own = [str(argument) for argument in arguments], env or {}
        whole_env = {**os.environ, "COLUMNS": "100", **own}
        if needs_fresh_interpreter(own):
            return run_fresh(words, tmp_path, whole_env, stdin)
        verb = words[0] if words else ""
        code, out, err = fork_server(verb).run(words, tmp_path, whole_env, stdin)
        return Result(code, out, err.decode())

    return run


@pytest.fixture
def deep_tree(tmp_path: Path) -> Iterator[DeepTree]:
    """Makes deep trees in the test's folder."""
    made: list[Path] = []

    def make(depth: int, name: str, top: str | None = None) -> Path:
        made.append(tmp_path / (top or f"deep-{len(made)}"))
        nest(made[-1], depth, name)
        return made[-1]

    yield make
    for tree in made:
        clear(tree)


@pytest.fixture(scope="session")
def reference() -> tiktoken.Encoding:
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
