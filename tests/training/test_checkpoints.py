"""Tables in checkpoints: found by their usual names and read; other tensors and files are refused."""

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

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.training.checkpoints import find_tables
from tests.helpers.checkpoints import FILES, D, P, Tensors, V, gpt2_tables, save

TABLES = gpt2_tables()
TOKEN, POSITION = TABLES.values()
NAMES = [
    ("wte.weight", "wpe.weight"),
    ("transformer.wte.weight", "transformer.wpe.weight"),
    ("_orig_mod.transformer.wte.weight", "_orig_mod.transformer.wpe.weight"),
    ("tok_emb.weight", "pos_emb.weight"),
    ("module.token_embedding_table.weight", "module.position_embedding_table.weight"),
    ("wte", "wpe"),
]


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names[0])
@pytest.mark.parametrize("file", FILES)
def test_tables_are_found_by_their_usual_names(tmp_path: Path, names: tuple[str, str], file: str) -> None:
    others = {"lm_head.weight": torch.zeros(V, D), "h.0.attn.wpe_like.weight": torch.zeros(D, D)}
    path = save({**others, names[0]: TOKEN, names[1]: POSITION}, tmp_path, file)
    found = find_tables(path)
    assert found.position is not None
    assert found.token.name.endswith(names[0])
    assert found.position.name.endswith(names[1])
    assert torch.equal(found.token.read(), TOKEN)
    assert torch.equal(found.position.read(), POSITION)


ZEROS_VD, ZEROS_PD = torch.zeros(V, D), torch.zeros(P, D)
BAD: dict[str, tuple[Tensors, str]] = {
    "no token table": ({"wpe.weight": ZEROS_PD}, "has no token table: no tensor is called tok_emb, wte"),
    "no table": ({}, "it has no two-dimensional tensor"),
    "no position table": (
        {"wte.weight": ZEROS_VD, "h.0.w": ZEROS_PD},
        r"has no position table.*its tables are (h.0.w, wte.weight|wte.weight, h.0.w)",
    ),
    "two token tables": (
        {"wte.weight": ZEROS_VD, "b.wte": ZEROS_VD.clone(), "wpe.weight": ZEROS_PD},
        "has 2 token tables",
    ),
    "vector": (
        {"wte.weight": ZEROS_VD, "wpe.weight": torch.zeros(P)},
        r"wpe.weight in .* is not a table.*\(10,\)",
    ),
    "empty": ({"wte.weight": ZEROS_VD, "wpe.weight": torch.zeros(0, D)}, "is not a table"),
    "integers": (
        {"wte.weight": ZEROS_VD.to(torch.int8), "wpe.weight": ZEROS_PD},
        "does not hold plain floats: its dtype is (I8|int8)",
    ),
    "two widths": (
        {"wte.weight": ZEROS_VD, "wpe.weight": torch.zeros(P, 5)},
        "width 12 and wpe.weight 5",
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("file", ["a.safetensors", "a.pt"])
def test_checkpoint_without_two_tables_that_fit_is_refused(tmp_path: Path, case: str, file: str) -> None:
    tensors, message = BAD[case]
    with pytest.raises(GptprepError, match=message) as caught:
        find_tables(save(tensors, tmp_path, file))
    assert caught.value.exit_code == 1
    assert caught.value.fix


@pytest.mark.parametrize("file", ["a.safetensors", "a.pt"])
def test_name_that_no_tensor_has_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(GptprepError, match="has no tensor 'x'") as caught:
        find_tables(save(TABLES, tmp_path, file), "x")
    assert caught.value.exit_code == 1
    assert caught.value.fix


class Evil:
    """A value that ends the process when it is unpickled."""

    def __reduce__(self) -> Any:
        return (sys.exit, (7,))


def damaged_files(folder: Path) -> dict[str, bytes]:
    """The bytes of files that are not checkpoints, by name."""
    intact = Path(save(TABLES, folder)).read_bytes()
    zipped = Path(save({"wte.weight": TOKEN}, folder, "a.pt")).read_bytes()
    return {
        "empty": b"",
        "text": b"the tide comes in",
        "truncated.safetensors": intact[:-1],
        "header.safetensors": intact[:20],
        "wrong_length.safetensors": (1 << 26).to_bytes(8, "little") + intact[8:],
        "truncated.pt": zipped[: len(zipped) // 2],
        "middle.pt": zipped[:200] + b"\0" * 50 + zipped[250:],
        "evil.pt": pickle.dumps({"wte.weight": Evil()}),
        "zip.pt": b"PK\x05\x06" + bytes(18),
    }


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    for name, data in damaged_files(tmp_path).items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CorruptDataError) as caught:
            find_tables(str(tmp_path / name))
        assert name in caught.value.what


def test_paths_that_are_not_regular_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reasons = {"nowhere": "cannot read", ".": "not a regular", "pipe": "not a regular"}
    for path, why in {**reasons, "/dev/zero": "not a regular"}.items():
        with pytest.raises(GptprepError, match=why) as caught:
            find_tables(str(tmp_path / path))
        assert caught.value.exit_code == 1
    with pytest.raises(GptprepError):
        find_tables("")


ODD = {
    "meta": torch.empty(V, D, device="meta"),
    "coo": torch.zeros(V, D).to_sparse(),
    "expanded": torch.zeros(1, 1).expand(V, 60_000),
    "scalar": torch.tensor(1.0),
    "complex": torch.zeros(V, D, dtype=torch.complex64),
}


@pytest.mark.parametrize("case", [*ODD, "csr"])
def test_tensors_without_plain_numbers_are_not_tables(tmp_path: Path, case: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls CSR tensors a beta feature
        tensor = torch.zeros(V, D).to_sparse_csr() if case == "csr" else ODD[case]
        path = save({"wte.weight": tensor, "wpe.weight": POSITION}, tmp_path, "a.pt")
        with pytest.raises(GptprepError, match=r"no token table|not a table|not hold plain floats"):
            find_tables(path)


def test_transposed_table_is_read_in_its_order(tmp_path: Path) -> None:
    table_VD = torch.arange(12.0).reshape(3, 4).T
    token = find_tables(save({"wte": table_VD, "wpe": ZEROS_PD[:, :3]}, tmp_path, "a.pt")).token
    assert (token.rows, token.dim) == (4, 3)
    assert torch.equal(token.read(), table_VD)
    assert token.read().is_contiguous()


@pytest.mark.parametrize("file", ["a.safetensors", "a.pt"])
def test_table_that_was_read_does_not_change_with_its_file(tmp_path: Path, file: str) -> None:
    path = Path(save(TABLES, tmp_path, file))
    token = find_tables(str(path)).token.read()
    with path.open("r+b") as checkpoint:
        checkpoint.write(bytes(path.stat().st_size))
    assert torch.equal(token, TOKEN)


def test_file_that_changes_before_its_table_is_read_is_refused(tmp_path: Path) -> None:
    path = save(TABLES, tmp_path)
    token = find_tables(path).token
    save_file({"wte.weight": torch.zeros(V, 5), "wpe.weight": torch.zeros(P, 5)}, path)
    with pytest.raises(CorruptDataError, match="changed while it was used"):
        token.read()


def test_numbers_beyond_float32_are_refused(tmp_path: Path) -> None:
    token = TOKEN.double()
    token[3, 1] = -1e39
    table = find_tables(save({"wte": token, "wpe": POSITION}, tmp_path)).token
    with pytest.raises(GptprepError, match="numbers too large for float32: the largest is 1e\\+39"):
        table.read()
    token[3, 1] = -torch.inf
    assert find_tables(save({"wte": token, "wpe": POSITION}, tmp_path)).token.read()[3, 1] == -torch.inf


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x02", b"\x80\x02(", b"e", b"\0" * 100])
def test_reason_for_a_damaged_checkpoint_is_about_the_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises(CorruptDataError, match=r"it is damaged or truncated|it is not a file of tensors"):
        find_tables(str(tmp_path / "a.pt"))
