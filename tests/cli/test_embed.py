"""`gptprep embed` from the shell: the embeddings, the plan and errors."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gptprep.cli.embed import parse_batch_size
from gptprep.errors import UsageError
from tests.helpers import folders
from tests.helpers.cli import Run
from tests.helpers.paths import SAMPLES


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of the sample texts with two splits."""
    folder = tmp_path_factory.mktemp("made")
    folders.window([SAMPLES], folder / "s", context_length=64, val_fraction="0.1")
    return folder / "s"


@pytest.fixture
def shards(made: Path, tmp_path: Path) -> Path:
    """A copy of the shards in the test's folder."""
    return Path(shutil.copytree(made, tmp_path / "s"))


def test_embeddings_are_those_of_torch(run: Run, shards: Path, tmp_path: Path) -> None:
    import torch

    done = run("embed", "s", "-o", "e", "--dim", "8", "--seed", "123", "--device", "cpu", "--json")
    report = json.loads(done.out)
    n_windows = sum(len(folders.stored_windows(shards, split, "inputs")) for split in ("train", "val"))
    assert (report["shape"], report["device"]) == ([n_windows, 64, 8], "cpu")
    torch.manual_seed(123)
    token, position = torch.nn.Embedding(50257, 8), torch.nn.Embedding(64, 8)
    ids_NL = torch.tensor(folders.stored_windows(shards, "val", "inputs"))
    expected = (token(ids_NL) + position(torch.arange(64))).detach().numpy()
    assert np.array_equal(np.load(tmp_path / "e" / "val" / "embeddings-00000.npy"), expected)
    plain = run("embed", "s", "-o", "f", "--dim", "8", "--dry-run")
    assert f"s → f: {n_windows} windows × 64 ids × 8 float32, learned positions; " in plain.err
    assert not (tmp_path / "f").exists()


@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["none"], 1, "none is not a shard folder\n  why: there is no such folder"),
        (["texts"], 1, "texts is not a shard folder\n  why: it has no manifest.json"),
        (
            ["texts/a.txt"],
            1,
            "texts/a.txt is not a shard folder\n  why: it is a file\n  fix: name a folder that",
        ),
        (
            ["embeddings"],
            1,
            "embeddings is not a shard folder\n  why: it holds embeddings, which `gptprep embed` wrote\n"
            "  fix: name the folder that `gptprep window` wrote",
        ),
        (["damaged"], 3, "is not valid JSON"),
        (["s", "--dim", "0"], 2, "--dim is 0"),
        (["s", "--split", "test"], 2, "s has no split 'test'\n  fix: give train"),
        (["s", "--device", "cuda:7"], 1, "this machine has no device cuda:7"),
        (["s", "--device", "abacus"], 2, "'abacus' is not a device"),
        (["s", "--batch-size", "many"], 2, "--batch-size is 'many'"),
        (["s", "--position", "rotary"], 2, "error: --position is 'rotary'"),
        (["s", "-o", "texts"], 1, "was not written by gptprep"),
    ],
)
def test_error_says_what_is_wrong_and_writes_nothing(
    run: Run, tmp_path: Path, arguments: list[str], code: int, what: str
) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("one two")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "manifest.json").write_text("{")
    (tmp_path / "embeddings").mkdir()
    (tmp_path / "embeddings" / "manifest.json").write_text('{"format": "gptprep-embeddings"}')
    done = run("embed", *arguments, *([] if "-o" in arguments else ["-o", "e"]))
    assert (done.code, done.out) == (code, b"")
    assert what in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "e").exists()
    assert [path.name for path in (tmp_path / "texts").iterdir()] == ["a.txt"]


@pytest.mark.usefixtures("shards")
def test_missing_torch_is_exit_code_4(run: Run, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"")
    (tmp_path / "hide" / "torch").mkdir(parents=True)
    (tmp_path / "hide" / "torch" / "__init__.py").write_text("raise ModuleNotFoundError('no', name='torch')")
    env = {"PYTHONPATH": str(tmp_path / "hide")}
    for more in ((), ("--weights", "w.safetensors")):
        done = run("embed", "s", "-o", "e", *more, env=env)
        assert (done.code, done.out) == (4, b"")
        assert "why: torch is not installed\n  fix: pip install torch safetensors" in done.err
        assert not (tmp_path / "e").exists()
    code = "from gptprep import create_dataloader"
    command = [sys.executable, "-c", code]
    failed = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
    assert "ImportError: create_dataloader needs torch: pip install torch safetensors" in failed.stderr


def test_batch_size_is_a_number_or_auto() -> None:
    assert (parse_batch_size("auto"), parse_batch_size("7")) == (None, 7)
    for text in ("", "x", "-1", "9" * 5000):
        with pytest.raises(UsageError):
            parse_batch_size(text)


def test_limit_says_that_the_tables_are_whole(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six")
    assert run("window", "a.txt", "-o", "s", "-L", "2", "-q").code == 0
    done = run("embed", "s", "-o", "e", "--dim", "2", "--limit", "1")
    assert (done.code, "note: --limit applies to windows only" in done.err) == (
        0,
        True,
    )
    assert "note: --limit" not in run("embed", "s", "-o", "all", "--dim", "2").err
