"""Every verb where the system refuses processes and threads: it works with fewer, or says what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.cli import Result

pytestmark = pytest.mark.faults
INPUTS = ("encode text.txt -o shards.bin", "window text.txt -o shards -L 64", "embed shards -o emb --dim 8")
COMMANDS = {
    "encode": "encode text.txt -o out.bin --workers 2",
    "window": "window text.txt -o out -L 64 --workers 2 --shard-size 16KiB",
    "shuffle": "window text.txt -o out-shuffled -L 64 --workers 2 --shuffle",
    "word": "vocab text.txt -o out.json --workers 2",
    "char": "vocab text.txt -o out.json --kind char --workers 2",
    "bpe": "vocab text.txt -o out.json --kind bpe --size 300",
    "embed": "embed shards -o out-emb --dim 8",
    "verify": "verify shards",
    "verify embeddings": "verify emb",
    "decode": "decode shards.bin",
    "inspect": "inspect -t hello",
}
NEED_A_THREAD = {"bpe"}
NOTE = "did the work: the limit on processes and threads is reached (ulimit -u, or the pids limit"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    words = (f"word{number % 997} of {number % 13}" for number in range(20_000))
    (folder / "text.txt").write_text("\n".join(words))
    for command in INPUTS:
        subprocess.run([sys.executable, "-m", "gptprep", *command.split(), "-q"], cwd=folder, check=True)
    return folder


def run_limited(folder: Path, allowed: int, *arguments: str) -> Result:
    command = [sys.executable, "-m", "tests.helpers.limits", str(allowed), *arguments]
    done = subprocess.run(command, capture_output=True, cwd=folder, timeout=120)
    return Result(done.returncode, done.stdout, done.stderr.decode())


@pytest.mark.parametrize("allowed", [0, 1, 2, 3])
@pytest.mark.parametrize("verb", COMMANDS)
def test_verb_works_with_fewer_processes_and_threads(inputs: Path, verb: str, allowed: int) -> None:
    done = run_limited(inputs, allowed, *COMMANDS[verb].split(), *(["--force"] * ("out" in COMMANDS[verb])))
    if verb in NEED_A_THREAD and not allowed:
        assert done.code == 1
        assert done.err.splitlines() == [
            "error: cannot start a thread",
            "  why: the limit on processes and threads is reached",
            "  fix: raise the limit (ulimit -u, or the pids limit of the container)",
        ]
        return
    assert (done.code, "Traceback" in done.err) == (0, False), done.err


@pytest.mark.parametrize("verb", ["encode", "window", "shuffle", "word"])
def test_note_says_how_many_workers_there_were_unless_quiet(inputs: Path, verb: str) -> None:
    command = [*COMMANDS[verb].split(), "--force"]
    noted = [line for line in run_limited(inputs, 0, *command).err.splitlines() if NOTE in line]
    assert [line.partition(" of ")[0] for line in noted] == ["note: 1"]
    assert run_limited(inputs, 0, *command, "--quiet") == Result(0, b"", "")


def test_shards_are_the_same_bytes_with_fewer_workers(inputs: Path) -> None:
    written = []
    for allowed in (0, 1, 99):
        assert run_limited(inputs, allowed, *COMMANDS["window"].split(), "--force").code == 0
        written.append({file.name: file.read_bytes() for file in (inputs / "out").rglob("*.npy")})
    assert len(written[0]) > 4
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize(("given", "used"), [(None, "1"), ("3", "3")])
def test_openblas_starts_no_threads_unless_the_user_asks(
    monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if given:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
    code = (
        "import atexit, os; from gptprep.cli import main; atexit.register(lambda: print(os.environ))\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, check=True)
    assert f"'OPENBLAS_NUM_THREADS': '{used}'" in done.stdout.decode()
