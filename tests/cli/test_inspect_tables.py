"""`gptprep inspect` of weights and of folders of embeddings, from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from gptprep.cli.render.tables import means
from tests.helpers.cli import Run, in_terminal, shell
from tests.helpers.embeddings import embed


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file whose rows have known cosines."""
    angles = np.linspace(0, np.pi, 8, dtype=np.float32)
    table = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 2
    tensors: dict[str, NDArray[np.float32]] = {
        "wte": table,
        "wpe": table,
        "h.\x1b[31m\u202e": table[:1],
    }
    save_file(tensors, tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


@pytest.fixture
def embedded(run: Run, tmp_path: Path) -> Path:
    """A folder of embeddings."""
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten")
    assert run("window", "a.txt", "-o", "s", "-L", "4", "-q").code == 0
    embed(tmp_path / "s", tmp_path / "e", dim=4)
    return tmp_path / "e"


def test_weights_are_shown_in_aligned_lines(run: Run, weights: Path) -> None:
    out = run("inspect", weights.name, "--near", "0").out.decode()
    assert out.splitlines() == [
        "w.safetensors · 336 bytes · 3 tensors",
        "token table     wte  8 × 2 float32",
        "position table  wpe  8 × 2 float32",
        "",
        "norms      smallest   mean  largest",
        "tokens        2.000  2.000    2.000",
        "positions     2.000  2.000    2.000",
        "",
        "Nearest to 0, by cosine",
        "1     0.9010  ██████████████████",
        "2     0.6235  ████████████▌",
        "3     0.2225  ████▌",
        "4    -0.2225",
        "5    -0.6235",
        "6    -0.9010",
        "7    -1.0000",
        "",
        "Similarity of positions, as cosines",
        "to the next   9999999",
        "to the first  962----",
        "              0 to 7; 9 is 0.9 to 1, - is negative",
        "",
        "Other tensors",
        r"h.\x1b[31m\u202e  1 × 2  float32",
    ]


def test_embeddings_fit_every_width(run: Run, embedded: Path) -> None:
    for columns in (40, 80, 200):
        done = run("inspect", embedded.name, "--near", " two", env={"COLUMNS": str(columns)})
        assert (done.code, done.err) == (0, "")
        lines = done.out.decode().splitlines()
        assert lines[0] == "e · gpt2 · 50,257 ids × 4 float32"
        assert max(map(len, lines)) <= columns
        assert any(line.startswith("Nearest to ·two (734)") for line in lines)


def test_strip_is_coloured_on_terminals_and_digits_elsewhere(tmp_path: Path, weights: Path) -> None:
    coloured = in_terminal(tmp_path, "inspect", weights.name, env={"COLORTERM": "truecolor"})
    assert "\x1b[48;2;217;130;43m" in coloured or "\x1b[48;2;2" in coloured
    assert "962----" not in coloured
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = in_terminal(tmp_path, "inspect", weights.name, env=env)
        assert "962----" in plain
        assert "\x1b" not in plain
        assert "\u202e" not in plain


def test_strip_is_the_means_of_its_parts() -> None:
    assert means([1.0, 0.0, None, 0.5], 2) == [0.5, 0.5]
    assert means([1.0, None], 9) == [1.0, None]
    assert means([], 9) == []


@pytest.mark.parametrize(
    ("line", "code", "what"),
    [
        ("w.safetensors --near 8", 2, "why: wte has the rows 0 to 7"),
        ("w.safetensors --near king", 2, "--near king needs a tokenizer"),
        ("w.safetensors --near kingdomhood -T gpt2", 2, "tokens of gpt2"),
        ("w.safetensors w.safetensors", 2, "cannot be shown together"),
        ("w.safetensors --near 1 -T gpt2 -T gpt2", 2, "give --tokenizer once"),
        ("w.safetensors --token-table none", 1, "has no tensor 'none'"),
        ("bad.safetensors", 3, "bad.safetensors"),
        ("none.pt", 1, "there is no file none.pt"),
    ],
)
@pytest.mark.usefixtures("weights")
def test_wrong_requests_are_explained(run: Run, tmp_path: Path, line: str, code: int, what: str) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{]")
    done = run("inspect", *line.split())
    assert (done.code, done.out) == (code, b"")
    assert what in done.err


def test_damaged_folder_is_exit_code_3(run: Run, embedded: Path) -> None:
    (embedded / "weights.safetensors").unlink()
    done = run("inspect", embedded.name)
    assert (done.code, done.out) == (3, b"")
    assert "weights.safetensors is missing" in done.err
    manifest = embedded / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"dim": 4', '"dim": 5'))
    assert run("inspect", embedded.name).code == 3


def test_closed_pipe_ends_quietly(tmp_path: Path, weights: Path) -> None:
    done = shell(f"gptprep inspect {weights.name} | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.returncode, done.stderr) == (141, b"")


def test_numbers_that_are_not_finite_are_noted_and_null(run: Run, tmp_path: Path) -> None:
    save_file({"wte": np.full((2, 2), np.nan, np.float32)}, tmp_path / "w.safetensors")
    done = run("inspect", "w.safetensors")
    assert b"2 rows hold numbers that are infinite or not a number" in done.out
    report = json.loads(run("inspect", "w.safetensors", "--json").out)
    assert report["token_table"]["norms"]["mean"] is None


def test_torch_file_without_torch_names_the_package(run: Run, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"PK\x03\x04")
    (tmp_path / "torch.py").write_text("raise ImportError('no torch', name='torch')")
    done = run("inspect", "w.pt", env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"})
    assert done.code == 4
    assert "torch is not installed" in done.err
    assert "fix: pip install torch safetensors" in done.err
