"""Norms, neighbours and positions of tables, against slow and obvious code."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from gptprep.errors import GptprepError, UsageError
from gptprep.pipelines.inspect import tables
from gptprep.pipelines.inspect.tables import (
    ArrayRows,
    averaged,
    norms,
    position_table,
    row_norms,
    row_of,
    token_table,
)
from gptprep.tokenizers import load_tokenizer
from tests.helpers.words import vocabulary

GPT2 = load_tokenizer("gpt2")


def rows(array: object, dtype: str = "float32") -> ArrayRows:
    """A table in memory."""
    return ArrayRows("t", np.asarray(array, "<f4"), dtype)


def cosine(a: list[float], b: list[float]) -> float:
    """The cosine of two vectors."""
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of seven rows of five numbers."""
    monkeypatch.setattr(tables, "_BLOCK_BYTES", 4 * 5 * 7)


@pytest.mark.usefixtures("small_blocks")
def test_neighbours_are_those_with_the_largest_cosines() -> None:
    table = np.random.default_rng(1).normal(size=(100, 5)).astype(np.float32)
    report, near = token_table(rows(table), 42, None)
    expected = sorted(((cosine(table[42], row), i) for i, row in enumerate(table) if i != 42), reverse=True)
    assert near is not None
    assert [(found.id, found.token) for found in near.neighbours] == [(i, None) for _, i in expected[:10]]
    assert [found.similarity for found in near.neighbours] == pytest.approx(
        [c for c, _ in expected[:10]], abs=1e-5
    )
    lengths = [math.sqrt(math.fsum(float(x) ** 2 for x in row)) for row in table]
    assert report.norms.rows == sum(report.norms.histogram) == 100
    assert (report.norms.smallest, report.norms.largest) == pytest.approx(
        (min(lengths), max(lengths)), rel=1e-5
    )
    assert report.norms.mean == pytest.approx(sum(lengths) / 100, rel=1e-5)


@pytest.mark.usefixtures("small_blocks")
def test_positions_are_compared_with_the_next_and_the_first() -> None:
    table = np.random.default_rng(2).normal(size=(20, 5)).astype(np.float32)
    table[9] = 0
    _, positions = position_table(rows(table))
    nexts = [None if 9 in (i, i + 1) else cosine(table[i], table[i + 1]) for i in range(19)]
    firsts = [None if i == 9 else cosine(table[0], table[i]) for i in range(1, 20)]
    assert positions.positions == 20
    for found, expected in ((positions.neighbours, nexts), (positions.first, firsts)):
        assert [value is None for value in found] == [value is None for value in expected]
        known = [value for value in expected if value is not None]
        assert [value for value in found if value is not None] == pytest.approx(known, abs=1e-5)


def test_one_position_has_no_others() -> None:
    _, positions = position_table(rows([[1, 2]]))
    assert (positions.positions, positions.neighbours, positions.first) == (1, (), ())


def test_rows_without_direction_are_nobodys_neighbours() -> None:
    table = rows([[1, 0], [0, 0], [math.inf, 1], [math.nan, 1], [1e30, 0], [-1, 0]])
    report, near = token_table(table, 0, None)
    assert near is not None
    assert [(found.id, found.similarity) for found in near.neighbours] == [(4, 1), (5, -1)]
    assert (report.norms.rows, report.norms.not_finite) == (6, 2)
    for row, why in ((1, "are 0"), (2, "infinite"), (3, "infinite")):
        with pytest.raises(GptprepError) as raised:
            token_table(table, row, None)
        assert why in raised.value.why


def test_norms_of_large_numbers_are_finite() -> None:
    assert row_norms(np.array([[3e30, 4e30]], np.float32))[0] == pytest.approx(5e30)


def test_norms_of_nothing_and_of_equals() -> None:
    assert norms([]) == tables.Norms(0, 0, None, None, None, ())
    assert norms([np.array([math.nan])]) == tables.Norms(1, 1, None, None, None, ())
    equal = norms([np.array([2.0, 2.0])])
    assert (equal.smallest, equal.largest, equal.histogram[0], sum(equal.histogram)) == (2, 2, 2, 2)


@pytest.mark.parametrize(("dtype", "numpy"), [("float16", "<f2"), ("float64", "<f8")])
def test_stored_dtypes_are_read_as_float32(dtype: str, numpy: str) -> None:
    table = np.array([[1.5, -2.25]], numpy)
    assert ArrayRows("t", table, dtype).read(0, 1).tolist() == [[1.5, -2.25]]


def test_bfloat16_is_the_upper_half_of_a_float32() -> None:
    table = np.array([[1.5, -2.25]], "<f4").view("<u4") >> 16
    assert ArrayRows("t", table.astype("<u2"), "bfloat16").read(0, 1).tolist() == [[1.5, -2.25]]


def test_many_values_are_averaged_in_order() -> None:
    values = np.arange(10.0)
    values[3] = math.nan
    assert averaged(values, 5) == (0.5, 2, 4.5, 6.5, 8.5)
    assert averaged(np.array([math.nan, 1.0]), 5) == (None, 1)


# Naming a row


def test_row_is_named_by_an_id_or_one_token() -> None:
    table = ArrayRows("wte", np.zeros((50300, 1), "<f4"), "float32")
    assert row_of("5822", None, table) == 5822
    assert row_of(" king", GPT2, table) == 5822
    assert row_of("50299", GPT2, table) == 50299
    assert row_of("<|endoftext|>", GPT2, table) == 50256


@pytest.mark.parametrize(
    ("near", "what", "why"),
    [
        (" kingdom of", "--near ·kingdom·of is 2 tokens of gpt2", "they are ·kingdom 13239, ·of 286"),
        ("99999", "--near is 99999", "wte has the rows 0 to 50,299"),
        ("9" * 400, "--near is 99999999999999999999", "wte has"),
    ],
)
def test_wrong_rows_are_explained(near: str, what: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        row_of(near, GPT2, ArrayRows("wte", np.zeros((50300, 1), "<f4"), "float32"))
    assert raised.value.what == what
    assert raised.value.why.startswith(why)


def test_text_needs_a_tokenizer_and_a_row() -> None:
    with pytest.raises(UsageError, match="needs a tokenizer"):
        row_of("king", None, rows([[1]]))
    with pytest.raises(UsageError, match="has the rows 0 to 0"):
        row_of(" king", GPT2, rows([[1]]))


@pytest.mark.parametrize("unknown", [True, False])
def test_unknown_word_is_an_error(tmp_path: Path, unknown: bool) -> None:
    specials = ("<|endoftext|>", "<|unk|>") if unknown else ("<|endoftext|>",)
    path = tmp_path / "w.json"
    path.write_text(json.dumps(vocabulary("word", "cat", specials).to_json()))
    tokenizer = load_tokenizer(str(path))
    table = rows(np.zeros((3, 1)))
    assert row_of(" cat", tokenizer, table) == 0
    with pytest.raises(GptprepError) as raised:
        row_of("zebra", tokenizer, table)
    assert raised.value.what.endswith("has no token zebra")
    assert "--find" in raised.value.fix
