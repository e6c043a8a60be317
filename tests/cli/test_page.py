"""`gptprep inspect --html` and `--svg`: what is in the files, and what is refused."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gptprep.cli.page import plots
from gptprep.cli.page.elements import html
from tests.helpers.cli import Run
from tests.helpers.pages import VIEWS, Page, View, make_things

HOSTILE = (
    "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;\u202ereversed\x1b[31m\x00\x07"
)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("things")


@pytest.fixture
def place(things: Path, run: Run, tmp_path: Path) -> Path:
    """The test's folder with all things in it, which are made once."""
    if not (things / "embeddings").exists():
        make_things(run, tmp_path)
        for path in tmp_path.iterdir():
            path.rename(things / path.name)
    for path in things.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_page_has_what_the_terminal_shows(view: View, place: Path, run: Run) -> None:
    done = run("inspect", *shlex.split(view.line), "--html", "page.html")
    assert (done.code, done.out) == (0, b""), done.err
    assert "✓ page.html: " in done.err
    written = (place / "page.html").read_text("utf-8")
    page = Page(written)
    for text in view.texts:
        assert text in page.text
    assert page.addresses == []
    assert page.tags["script"] == 0
    assert "url(" not in written
    assert "@import" not in written
    kinds = [value.split()[0] for name, value in page.attributes if name == "class" and value]
    assert sum(kind in ("plot", "shares", "strip") for kind in kinds) == view.plots


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_picture_has_what_the_terminal_shows(view: View, place: Path, run: Run) -> None:
    words = shlex.split(view.line)
    shown = run("inspect", *words, env={"LINES": "40"})
    assert run("inspect", *words, "--svg", "view.svg").code == 0
    root = ElementTree.parse(place / "view.svg").getroot()
    assert root.tag == f"{SVG}svg"
    written = (place / "view.svg").read_text("utf-8")
    assert re.findall(r"[\"'(]https?:[^\"')]*", written) == ['"http://www.w3.org/2000/svg']
    assert "@import" not in written
    lines = "".join(root.itertext()).replace("\xa0", " ")
    start = shown.out.decode().split("\n")[0].rstrip().split(" ")[0]
    assert start in lines


def test_page_and_picture_in_one_run(place: Path, run: Run) -> None:
    done = run("inspect", "words.json", "--html", "a.html", "--svg", "a.svg")
    assert (done.code, done.out) == (0, b"")
    assert {"a.html", "a.svg"} <= {path.name for path in place.iterdir()}


def test_same_page_twice(place: Path, run: Run) -> None:
    for name, workers in (("a.html", "1"), ("b.html", "2")):
        assert run("inspect", "sample_texts", "--html", name, "--workers", workers).code == 0
    assert (place / "a.html").read_bytes() == (place / "b.html").read_bytes()


def test_page_to_standard_output(run: Run) -> None:
    done = run("inspect", "-t", "one", "--html", "-")
    assert done.out.startswith(b"<!doctype html>\n<html")
    assert done.out.endswith(b"</html>\n")
    assert done.err == ""
    assert run("inspect", "-t", "one", "--svg", "-").out.startswith(b"<svg")


def test_hostile_text_stays_text(run: Run, tmp_path: Path) -> None:
    name = '"><img src=x onerror=alert(3)><svg onload=alert(4)>.txt'
    (tmp_path / name.replace("/", "")).write_text(HOSTILE * 3)
    (tmp_path / "more.txt").write_text(HOSTILE)
    for words in (["-t", HOSTILE.replace("\x00", "")], [name], [name, "more.txt"]):
        assert run("inspect", *words, "--html", "page.html", "--svg", "view.svg", "-f").code == 0
        written = (tmp_path / "page.html").read_text("utf-8")
        page = Page(written)
        assert page.tags["script"] == page.tags["img"] == page.addresses.count("x") == 0
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        svg = (tmp_path / "view.svg").read_text("utf-8")
        tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
        assert tags <= {"svg", "style", "defs", "clipPath", "rect", "g", "text", "circle"}
        for text in (written, svg):
            assert not [c for c in text if not c.isprintable() and c not in "\n\xa0"]


def test_existing_file_is_replaced_with_force_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    done = run("inspect", "-t", "one", "--html", "page.html")
    assert (done.code, "page.html already exists" in done.err) == (1, True)
    assert (tmp_path / "page.html").read_text() == "mine"
    assert run("inspect", "-t", "one", "--html", "page.html", "-f").code == 0
    assert (tmp_path / "page.html").read_text() != "mine"


def test_what_is_shown_is_never_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    done = run("inspect", "a.txt", "--html", "a.txt", "-f")
    assert (done.code, "a.txt is read by this run" in done.err) == (1, True)
    assert (tmp_path / "a.txt").read_text() == "one"


@pytest.mark.parametrize("thing", ["texts", "texts/*.txt", "a.txt -T v.json", "texts v.json"])
def test_what_is_read_is_never_replaced(run: Run, tmp_path: Path, thing: str) -> None:
    (tmp_path / "texts").mkdir()
    for name in ("texts/b.txt", "a.txt"):
        (tmp_path / name).write_text("one two\n")
    assert run("vocab", "a.txt", "-o", "v.json").code == 0
    read = "v.json" if "v.json" in thing else "texts/b.txt"
    before = (tmp_path / read).read_bytes()
    done = run("inspect", *thing.split(), "--svg", read, "-f")
    assert (done.code, f"{read} is read by this run" in done.err) == (1, True)
    assert (tmp_path / read).read_bytes() == before


@pytest.mark.parametrize("thing", ["shards", "embeddings"])
def test_folder_with_a_manifest_gets_no_other_file(place: Path, run: Run, thing: str) -> None:
    done = run("inspect", thing, "--html", f"{thing}/page.html")
    assert (done.code, f"{thing}/page.html is in {thing}" in done.err) == (1, True)
    assert not (place / thing / "page.html").exists()


def test_nothing_is_written_after_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one \xff")
    assert run("inspect", "a.txt", "--html", "page.html").code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("--html a --svg a", "--html and --svg name the same file"),
        ("--html - --svg -", "--html and --svg name the same file"),
        ("--html a --json", "--json and --html exclude each other"),
        ("--svg a --json", "--json and --svg exclude each other"),
        ("--force", "--force has no effect without --html or --svg"),
    ],
)
def test_outputs_that_do_not_go_together(words: str, what: str, run: Run, tmp_path: Path) -> None:
    done = run("inspect", "-t", "one", *words.split())
    assert (done.code, f"error: {what}" in done.err) == (2, True)
    assert not list(tmp_path.iterdir())


def test_columns_are_as_tall_as_their_numbers() -> None:
    drawn = plots.columns([("a", 10), ("b", 5), ("c", 0)], "things")
    heights = [float(rect.get("height", "")) for rect in drawn.iter("rect")]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.1)
    assert heights[2] == 0
    assert [text.text for text in drawn.iter("text")] == ["a", "10", "b", "5", "c"]
    assert [title.text for title in drawn.iter("title")] == ["a: 10 things", "b: 5 things", "c: 0 things"]


def test_curve_goes_from_corner_to_corner() -> None:
    path = next(plots.curve([(1, 1000), (10, 100), (1000, 1)], "counts").iter("path"))
    assert path.get("d") == "M0.0 0.0 L333.3 333.3 L1000.0 1000.0"


@pytest.mark.parametrize("points", [[(1, 1)], [(1, 5)], [(1, 10**12), (50_000, 1)]])
def test_curve_of_few_or_large_numbers(points: list[tuple[int, int]]) -> None:
    path = next(plots.curve(points, "counts").iter("path")).get("d", "")
    numbers = path.replace("M", "").replace("L", "").split()
    assert all(0 <= float(number) <= 1000 for number in numbers)


def test_shares_fill_the_bar() -> None:
    drawn = plots.shares([("a", 1), ("b", 2), ("c", 1)], "ids")
    rects = [rect for rect in drawn.iter("rect") if rect.get("x")]
    assert [(rect.get("x"), rect.get("width")) for rect in rects] == [
        ("0.000%", "25.000%"),
        ("25.000%", "50.000%"),
        ("75.000%", "25.000%"),
    ]
    assert "b <b>50.0 %</b>" in html(drawn)


def test_strip_has_no_cell_for_what_is_not_known() -> None:
    drawn = plots.strip([1.0, None, -1.0], "cosines")
    assert [rect.get("fill") for rect in drawn.iter("rect")] == ["#d9822b", "#2c6fb3"]
