"""The example program: its commands are those of its docstring, with fewer windows and steps."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from gptprep import TokenPositionEmbedding
from tests.helpers import markdown
from tests.helpers.paths import SAMPLES, TOP

EXAMPLE = TOP / "examples" / "train_tiny_gpt.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("train_tiny_gpt", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_tiny_gpt"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_model_learns_more_than_frequencies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # more threads wait for each other while they use a core
    (tmp_path / "sample_texts").symlink_to(SAMPLES)
    (tmp_path / "examples").symlink_to(EXAMPLE.parent)
    described = ast.get_docstring(ast.parse(EXAMPLE.read_text())) or ""
    commands = re.findall(r"^    (\S.*)$", described, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["gptprep", "gptprep", "gptprep", "python"]
    vocab, window, embed, train = commands
    short = "--steps 80 --batch-size 16 --prompt 'The clock'"
    for command in (vocab, f"{window} --stride 32", embed, f"{train} {short}"):
        code, printed = markdown.run(command, tmp_path)
        assert code == 0, printed
    for split in ("train", "val"):
        pattern = rf"^{split}: loss (.*) nats per id; by frequency alone (.*)$"
        match = re.search(pattern, printed, re.MULTILINE)
        assert match, printed
        assert float(match[1]) < float(match[2]) - 0.15
    assert printed.splitlines()[-1]
    assert re.search(r"^The clock.{20}", printed, re.MULTILINE | re.DOTALL), printed


def test_no_position_sees_a_later_one_and_the_model_has_the_given_tables(example: ModuleType) -> None:
    torch.manual_seed(0)
    embedding = TokenPositionEmbedding(50, 16, 8)
    model = example.TinyGPT(embedding, n_layers=2, n_heads=2, dropout=0.1).train(False)
    ids_BL = torch.arange(16).reshape(2, 8)
    changed = ids_BL.clone()
    changed[:, 5] = 40
    before, after = model(ids_BL), model(changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] != after[:, 5:]).any(-1).all()
    assert model.embedding is embedding


def test_loss_by_frequency_is_the_entropy_if_both_texts_are_the_same(example: ModuleType) -> None:
    class Windows:
        def __getitem__(self, _: slice) -> tuple[None, torch.Tensor]:
            return None, torch.arange(4).repeat(1, 10_000)

    loss = example.unigram_loss(Windows(), Windows(), 4)
    assert np.isclose(loss, np.log(4), atol=1e-6)
