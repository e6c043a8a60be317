"""Files of weights that hold anything, or change while they are used."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gptprep.errors import DamagedData, GptprepError
from gptprep.pipelines.embed import EmbedOptions, plan_embed, run_embed
from gptprep.weights import find_tables
from tests.test_weights import WRITERS, D, P, V, shards, tables

__all__ = ["shards", "tables"]


class Evil:
    def __reduce__(self) -> Any:
        return (sys.exit, (7,))


def test_files_that_are_no_weights(
    shards: str, tables: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    save_file({"wte.weight": tables[0], "wpe.weight": tables[1]}, tmp_path / "whole.safetensors")
    torch.save({"wte.weight": tables[0]}, tmp_path / "whole.pt")
    whole, zipped = (tmp_path / "whole.safetensors").read_bytes(), (tmp_path / "whole.pt").read_bytes()
    for name, data in {
        "empty": b"",
        "text": b"the tide comes in",
        "cut.safetensors": whole[:-1],
        "header.safetensors": whole[:20],
        "lying.safetensors": (1 << 26).to_bytes(8, "little") + whole[8:],
        "cut.pt": zipped[: len(zipped) // 2],
        "middle.pt": zipped[:200] + b"\0" * 50 + zipped[250:],
        "evil.pt": pickle.dumps({"wte.weight": Evil()}),
        "zip.pt": b"PK\x05\x06" + bytes(18),
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DamagedData) as caught:
            plan_embed(EmbedOptions(shards, str(tmp_path / "out"), weights=str(tmp_path / name)))
        assert name in caught.value.what
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        ("nowhere", "cannot read"),
        (".", "not a regular"),
        ("pipe", "not a regular"),
        ("/dev/zero", "not a regular"),
    ):
        with pytest.raises(GptprepError, match=why) as error:
            plan_embed(EmbedOptions(shards, str(tmp_path / "out"), weights=str(tmp_path / path)))
        assert error.value.exit_code == 1
    with pytest.raises(GptprepError):
        plan_embed(EmbedOptions(shards, str(tmp_path / "out"), weights=""))


def test_odd_tensors_are_no_tables(
    shards: str, tables: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd = {
            "meta": torch.empty(V, D, device="meta"),
            "coo": torch.zeros(V, D).to_sparse(),
            "csr": torch.zeros(V, D).to_sparse_csr(),
            "repeated": torch.zeros(1, 1).expand(V, 60_000),
            "scalar": torch.tensor(1.0),
            "complex": torch.zeros(V, D, dtype=torch.complex64),
            "transposed": torch.zeros(D, V).T,
        }
        for name, tensor in odd.items():
            path = str(tmp_path / f"{name}.pt")
            torch.save({"wte.weight": tensor, "wpe.weight": tables[1]}, path)
            options = EmbedOptions(shards, str(tmp_path / name), weights=path, device="cpu")
            if name == "transposed":
                run_embed(plan_embed(options))
                continue
            with pytest.raises(GptprepError, match=r"no token table|not a table|not hold plain floats"):
                plan_embed(options)


@pytest.mark.parametrize("file", ["w.safetensors", "w.pt"])
def test_a_file_that_changes_after_it_was_read_changes_nothing(
    shards: str, tables: tuple[torch.Tensor, torch.Tensor], tmp_path: Path, file: str
) -> None:
    path = tmp_path / file
    WRITERS["a.safetensors" if file.endswith("safetensors") else "a.pt"](
        {"wte.weight": tables[0], "wpe.weight": tables[1]}, str(path)
    )
    token = find_tables(str(path)).token.read()
    with path.open("r+b") as weights:
        weights.write(bytes(path.stat().st_size))
    assert torch.equal(token, tables[0])
    plan_path = str(tmp_path / f"again{path.suffix}")
    WRITERS["a.safetensors" if file.endswith("safetensors") else "a.pt"](
        {"wte.weight": tables[0], "wpe.weight": tables[1]}, plan_path
    )
    plan = plan_embed(EmbedOptions(shards, str(tmp_path / "out"), weights=plan_path, device="cpu"))
    if file == "w.safetensors":
        save_file({"wte.weight": torch.zeros(V, 5), "wpe.weight": torch.zeros(P, 5)}, plan_path)
        with pytest.raises(DamagedData, match="has changed while it was used"):
            run_embed(plan)
        os.unlink(plan_path)
        with pytest.raises(GptprepError):
            run_embed(plan)
    assert not (tmp_path / "out").exists()


def test_numbers_too_large_for_float16_are_told(shards: str, tmp_path: Path) -> None:
    save_file(
        {"wte.weight": torch.full((V, D), 1e5), "wpe.weight": torch.zeros(P, D)}, tmp_path / "w.safetensors"
    )
    for dtype, count in (("float16", 1), ("float32", 0)):
        options = EmbedOptions(
            shards,
            str(tmp_path / dtype),
            weights=str(tmp_path / "w.safetensors"),
            device="cpu",
            dtype=dtype,  # type: ignore[arg-type]
        )
        notes = run_embed(plan_embed(options)).notes
        assert len([note for note in notes if "a float16 is infinite" in note]) == count
