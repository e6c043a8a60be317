"""What `inspect` says of checkpoints, in every format that `embed --weights` reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.pipelines.inspect.weights import WeightsOptions, WeightsReport, inspect_weights
from gptprep.training.checkpoints import find_tables
from tests.helpers.checkpoints import FILES, D, P, V, gpt2_tables, save


def inspected(path: str, **options: str) -> WeightsReport:
    """The report of a checkpoint."""
    return inspect_weights(WeightsOptions(path, **options))


@pytest.mark.parametrize("file", FILES)
def test_tables_are_those_that_embed_would_use(tmp_path: Path, file: str) -> None:
    tables = gpt2_tables()
    path = save({**tables, "h.0.ln.weight": torch.ones(D)}, tmp_path, file)
    report, used = inspected(path, near="5822"), find_tables(path)
    assert used.position is not None
    for found, table in ((report.token_table, used.token), (report.position_table, used.position)):
        assert found is not None
        assert (found.name, found.rows, found.dim, found.dtype) == (
            table.name,
            table.rows,
            table.dim,
            table.dtype,
        )
        lengths = table.read().double().norm(dim=1)
        assert found.norms.mean == pytest.approx(lengths.mean().item(), rel=1e-5)
    assert report.near is not None
    wte = tables["wte.weight"]
    cosines = torch.nn.functional.cosine_similarity(wte, wte[5822:5823])
    best = cosines.topk(11).indices.tolist()[1:]
    assert [found.id for found in report.near.neighbours] == best
    assert (report.near.token, report.tokenizer) == ("·king", "gpt2")
    assert [other.shape for other in report.others if other.name.endswith("ln.weight")] == [(D,)]
    assert report.notes == ()


@pytest.mark.parametrize("file", ["a.safetensors", "a.pt"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_give_the_numbers_of_torch(tmp_path: Path, file: str, dtype: torch.dtype) -> None:
    table = torch.randn(50, D, generator=torch.Generator().manual_seed(3)).to(dtype)
    report = inspected(save({"wte": table}, tmp_path, file), near="3")
    assert report.token_table is not None
    assert report.token_table.dtype == str(dtype).removeprefix("torch.")
    assert report.token_table.norms.largest == pytest.approx(
        table.double().norm(dim=1).max().item(), rel=1e-5
    )
    assert report.near is not None
    assert report.tokenizer is None


def test_missing_tables_are_noted_and_can_be_named(tmp_path: Path) -> None:
    path = save({"mine": torch.ones(4, 3), "more": torch.ones(2, 3)}, tmp_path)
    report = inspected(path)
    assert (report.token_table, report.position_table, report.positions) == (None, None, None)
    assert report.notes == (f"{path} has no token table", f"{path} has no position table")
    assert [other.name for other in report.others] == ["mine", "more"]
    named = inspected(path, token_table="mine", position_table="more")
    assert (named.others, named.tensors, named.notes) == ((), 2, ())
    with pytest.raises(GptprepError, match="--near needs a token table"):
        inspected(path, near="1")
    with pytest.raises(GptprepError, match="no tensor 'none'"):
        inspected(path, token_table="none")


def test_others_are_limited_and_counted(tmp_path: Path) -> None:
    report = inspected(save({f"t{i:02}": torch.ones(1) for i in range(30)}, tmp_path))
    assert (len(report.others), report.tensors) == (20, 30)


@pytest.mark.parametrize("data", [b"", b"nothing", b"\x02\0\0\0\0\0\0\0{]", b"PK\x03\x04 no zip"])
def test_damaged_file_is_damage(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(data)
    with pytest.raises(CorruptDataError):
        inspected(str(path))


def test_truncated_table_is_damage(tmp_path: Path) -> None:
    path = Path(save(gpt2_tables(), tmp_path))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CorruptDataError):
        inspected(str(path))


def test_several_tokens_are_listed(tmp_path: Path) -> None:
    path = save(gpt2_tables(V, P), tmp_path)
    with pytest.raises(UsageError) as raised:
        inspected(path, near=" kingdom of")
    assert raised.value.why == "they are ·kingdom 13239, ·of 286"


def test_safetensors_are_read_without_torch(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(gpt2_tables(), path)
    program = (
        "import sys; from gptprep.pipelines.inspect.weights import *; "
        f"inspect_weights(WeightsOptions({str(path)!r}, near=' king')); "
        "sys.exit(any(name.split('.')[0] in ('torch', 'safetensors') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
