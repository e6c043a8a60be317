"""Other trainers read what gptprep writes: the programs of docs/training.md, and the numbers they get."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiktoken
import torch

from gptprep import WindowDataset
from tests.helpers.fork_server import ForkServer
from tests.helpers.markdown import blocks, commands
from tests.helpers.paths import SAMPLES, TOP

pytestmark = pytest.mark.slow

PAGE = (TOP / "docs" / "training.md").read_text()
RUN_ALL = """
import json, sys, traceback
errors = {}
for name, program in json.load(sys.stdin).items():
    try:
        exec(compile(program, name, "exec"))
    except Exception:
        errors[name] = traceback.format_exc()
print(json.dumps(errors))
"""
"""Runs programs one after the other, with the names of the ones before, as the page does."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, fork_server: Callable[[str], ForkServer]) -> Path:
    """What the commands of the page write."""
    folder = tmp_path_factory.mktemp("trainers")
    shutil.copytree(SAMPLES, folder / "sample_texts")
    used = commands(blocks(PAGE, "console")[0])
    assert len(used) == 2
    for command in used:
        _, verb, *arguments = command.split()
        code, _, err = fork_server(verb).run([verb, *arguments], folder, dict(os.environ), b"")
        assert code == 0, err
    return folder


@pytest.fixture(scope="module")
def errors(folder: Path) -> dict[str, str]:
    """What the programs of the page raise, each with checks of what it got; torch is imported only once."""
    pytorch, nanogpt, hugging_face = blocks(PAGE, "python")
    programs = {
        "pytorch": f"{pytorch}\n{CHECK_PYTORCH}",
        "nanogpt": f"{nanogpt}\nassert x.shape == (12, 256) and x.dtype == torch.int64",
        "hugging_face": f"{hugging_face}\n{CHECK_HUGGING_FACE}",
    }
    env = {**os.environ, "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        cwd=folder,
        env=env,
        input=json.dumps(programs),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


CHECK_PYTORCH = """
one = create_dataloader("shards", batch_size=8, seed=0)
rest = [inputs for inputs, _ in one][1:]
assert len(rest) == len(loader) - 1
again = create_dataloader("shards", batch_size=8, seed=0)
again.load_state_dict(torch.load("checkpoint.pt")["loader"])
for (inputs, _), expected in zip(again, rest, strict=True):
    assert torch.equal(inputs, expected)
"""
CHECK_HUGGING_FACE = """
windows = WindowDataset("shards")
assert len(dataset) == len(windows)
for row, (inputs, _) in zip(dataset, windows, strict=True):
    assert row["input_ids"].tolist() == row["labels"].tolist() == inputs.tolist()
"""


def test_pytorch_continues_with_the_next_batch(errors: dict[str, str]) -> None:
    assert errors.get("pytorch", "") == ""


def test_nanogpt_reads_train_bin(errors: dict[str, str]) -> None:
    assert errors.get("nanogpt", "") == ""


def test_train_bin_has_the_ids_of_tiktoken(folder: Path, reference: tiktoken.Encoding) -> None:
    stream: list[int] = []
    for path in sorted((folder / "sample_texts").iterdir()):
        stream += reference.encode(path.read_bytes().decode(), allowed_special="all")
        stream.append(reference.eot_token)
    assert np.memmap(folder / "train.bin", np.uint16, "r").tolist() == stream[:-1]


def test_datasets_gives_the_windows(errors: dict[str, str]) -> None:
    assert errors.get("hugging_face", "") == ""


def test_transformers_has_the_loss_of_the_stored_targets(folder: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_positions=256, n_embd=8, n_layer=1, n_head=1)).train(False)
    inputs, targets = WindowDataset(folder / "shards")[:2]
    with torch.no_grad():
        output = model(inputs, labels=inputs)
    ours = torch.nn.functional.cross_entropy(output.logits[:, :-1].flatten(0, 1), targets[:, :-1].flatten())
    assert torch.isclose(output.loss, ours)
