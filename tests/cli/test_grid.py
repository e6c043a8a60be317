"""Aligned columns and bars."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.text import Text

from gptprep.cli.render.grid import Bar, Cell, bar, beside, facts, flow, grid


@pytest.mark.parametrize(
    ("part", "shown"), [(0, ""), (0.0001, "▏"), (0.125, "█"), (0.14, "█▏"), (1, "█" * 8)]
)
def test_bar_is_as_long_as_its_part(monkeypatch: pytest.MonkeyPatch, part: float, shown: str) -> None:
    assert bar(part, 8).plain == shown
    monkeypatch.setattr("gptprep.cli.render.grid.has_blocks", lambda: False)
    assert bar(part, 8).plain == "#" * len(shown)


@pytest.mark.parametrize("width", [30, 40, 80])
def test_rows_of_a_grid_are_aligned_and_fit(width: int) -> None:
    counts = "1", "1,234", "12"
    names = "a" * 60, "你" * 40, "c"
    rows: list[list[Cell]] = [[name, count, Bar(1)] for name, count in zip(names, counts, strict=True)]
    header, *lines = (line.plain for line in grid(rows, "<><", [Text("name"), "count", ""], width))
    assert max(map(cell_len, lines)) <= width
    for line, count in zip(lines, counts, strict=True):
        assert cell_len(line[: line.index(f" {count} ") + 1] + count) == cell_len(header)
        assert line.endswith("████")


def test_control_characters_are_escaped() -> None:
    assert [line.plain for line in grid([["a\x1b\u202e", "1"]], "<>", width=80)] == ["a\\x1b\\u202e  1"]


def test_blocks_are_stacked_where_there_is_no_room() -> None:
    left, right = [Text("left")] * 2, [Text("right")]
    assert [line.plain for line in beside([left, right], 80)] == ["left    right", "left"]
    assert [line.plain for line in beside([left, right], 12)] == ["left", "left", "", "right"]
    assert [line.plain for line in beside([left, []], 80)] == ["left", "left"]


def test_remarks_and_items_go_to_the_next_line_where_there_is_no_room() -> None:
    rows = [("ids", "1,234", "of a long text"), ("sha256", "", "abc")]
    wide = ["ids     1,234  of a long text", "sha256  abc"]
    assert [line.plain for line in facts(rows, 80)] == wide
    assert [line.plain for line in facts(rows, 20)] == ["ids     1,234", "  of a long text", "sha256  abc"]
    assert [line.plain for line in flow([Text("one"), Text("two"), Text("six")], 10)] == ["one  two", "six"]
