"""Others' trainers read what is written: the README's ways, and the numbers that they get."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiktoken
import torch

from gptprep import WindowDataset
from tests.conftest import SAMPLES
from tests.readme import README, blocks

WAYS = blocks(README.read_text(), "py")
COMMANDS = (
    "gptprep window sample_texts -o shards -L 256 -S 128 --val-fraction 0.1",
    "gptprep encode sample_texts -o train.bin",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README's commands wrote."""
    folder = tmp_path_factory.mktemp("trainers")
    shutil.copytree(SAMPLES, folder / "sample_texts")
    for command in COMMANDS:
        assert command in README.read_text()
        subprocess.run([sys.executable, "-m", *command.split()], cwd=folder, check=True)
    return folder


def run(program: str, folder: Path) -> str:
    """What a program prints, with no network and a cache of its own."""
    env = {**os.environ, "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pytorch_goes_on_with_the_next_batch(folder: Path) -> None:
    program = f"""{WAYS[0]}
one = create_dataloader("shards", batch_size=8, seed=0)
rest = [inputs for inputs, _ in one][1:]
assert len(rest) == len(loader) - 1
for (inputs, _), expected in zip(again, rest, strict=True):
    assert torch.equal(inputs, expected)
"""
    run(program, folder)


def test_nanogpt_reads_train_bin(folder: Path, truth: tiktoken.Encoding) -> None:
    expected = [
        truth.encode(path.read_bytes().decode(), allowed_special="all")
        for path in sorted((folder / "sample_texts").iterdir())
    ]
    stream = [id_ for ids in expected for id_ in [*ids, truth.eot_token]][:-1]
    assert np.memmap(folder / "train.bin", np.uint16, "r").tolist() == stream
    run(f"{WAYS[1]}\nassert x.shape == (12, 256) and x.dtype == torch.int64", folder)


def test_datasets_gives_the_windows(folder: Path) -> None:
    program = f"""{WAYS[2]}
windows = WindowDataset("shards")
assert len(dataset) == len(windows)
for row, (inputs, _) in zip(dataset, windows, strict=True):
    assert row["input_ids"].tolist() == row["labels"].tolist() == inputs.tolist()
"""
    run(program, folder)


def test_transformers_has_the_loss_of_our_targets(folder: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_positions=256, n_embd=8, n_layer=1, n_head=1)).train(False)
    inputs, targets = WindowDataset(folder / "shards")[:2]
    with torch.no_grad():
        output = model(inputs, labels=inputs)
    ours = torch.nn.functional.cross_entropy(output.logits[:, :-1].flatten(0, 1), targets[:, :-1].flatten())
    assert torch.isclose(output.loss, ours)
