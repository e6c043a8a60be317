"""Inputs of the runs that are disturbed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.fork_server import ForkServer
from tests.helpers.paths import SAMPLES


@pytest.fixture(scope="session")
def fault_inputs(tmp_path_factory: pytest.TempPathFactory, fork_server: Callable[[str], ForkServer]) -> Path:
    """Texts, a vocabulary, shards, and older outputs for runs with --force.

    The plan for JSON lines does not know how many ids they give.
    """
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "c").mkdir()
    for sample in ("poem.txt", "letters_crlf.txt"):
        shutil.copy(SAMPLES / sample, folder / "c")
    texts = [
        (SAMPLES / sample).read_bytes().decode()
        for sample in ("dialogue.txt", "letters_crlf.txt", "poem.txt")
    ]
    (folder / "c.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    for command in (
        "vocab c c.jsonl -o v.json",
        "window c -o shards -L 32 -T v.json",
        "window c -o old -L 16 -T v.json",
        "encode c -o old.npy -T v.json",
    ):
        verb, *arguments = command.split()
        code, _, err = fork_server(verb).run([verb, *arguments], folder, dict(os.environ), b"")
        assert code == 0, err
    return folder


@pytest.fixture
def folder(fault_inputs: Path, tmp_path: Path) -> Path:
    """The test's folder with a copy of the inputs."""
    return Path(shutil.copytree(fault_inputs, tmp_path, dirs_exist_ok=True))
