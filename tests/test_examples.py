"""The example trains: its commands as its docstring has them, in a short form."""

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
from tests.conftest import TOP
from tests.readme import run

EXAMPLE = TOP / "examples" / "train_tiny_gpt.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_tiny_gpt", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_tiny_gpt"] = module
    spec.loader.exec_module(module)
    return module


def test_it_learns_more_than_frequencies(tmp_path: Path) -> None:
    (tmp_path / "sample_texts").symlink_to(TOP / "sample_texts")
    (tmp_path / "examples").symlink_to(TOP / "examples")
    described = ast.get_docstring(ast.parse(EXAMPLE.read_text())) or ""
    commands = re.findall(r"^    (\S.*)$", described, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["gptprep", "gptprep", "gptprep", "python"]
    for command in commands[:-1]:
        run(command, tmp_path)
    printed = run(f"{commands[-1]} --steps 100 --prompt 'The clock'", tmp_path)
    for split in ("train", "val"):
        match = re.search(rf"^{split}: loss (.*) nats an id; by frequency alone (.*)$", printed, re.MULTILINE)
        assert match, printed
        assert float(match[1]) < float(match[2]) - 0.15
    assert printed.splitlines()[-1]
    assert re.search(r"^The clock.{20}", printed, re.MULTILINE | re.DOTALL), printed


def test_no_id_sees_a_later_one_and_the_tables_are_the_given_ones(example: ModuleType) -> None:
    torch.manual_seed(0)
    embedding = TokenPositionEmbedding(50, 16, 8)
    model = example.TinyGPT(embedding, n_layers=2, n_heads=2, dropout=0.1).train(False)
    ids_BL = torch.arange(16).reshape(2, 8)
    changed = ids_BL.clone()
    changed[:, 5] = 40
    one, two = model(ids_BL), model(changed)
    assert torch.equal(one[:, :5], two[:, :5])
    assert (one[:, 5:] != two[:, 5:]).any(-1).all()
    assert model.embedding is embedding


def test_the_loss_by_frequency_is_the_entropy_where_the_texts_are_the_same(example: ModuleType) -> None:
    class Windows:
        def __getitem__(self, _: slice) -> tuple[None, torch.Tensor]:
            return None, torch.arange(4).repeat(1, 10_000)

    loss = example.unigram_loss(Windows(), Windows(), 4)
    assert np.isclose(loss, np.log(4), atol=1e-6)
