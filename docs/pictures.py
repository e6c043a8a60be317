"""Makes the pictures of the README and the docs from the tool itself: `python -m docs.pictures`.

A test makes them again and says which of them are stale. The report page is drawn by Chromium, whose pictures
differ with its version and the fonts, so its test compares the hash of the page that the picture shows.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.page.document import page
from gptprep.cli.page.picture import picture
from gptprep.cli.page.shards import folder, windows
from gptprep.cli.render import counts, shards, tokens
from gptprep.pipelines import count, vocab, window
from gptprep.pipelines.inspect.shards import WindowsOptions, inspect_shards, inspect_windows
from gptprep.pipelines.inspect.text import tokenize
from gptprep.tokenizers import load_tokenizer

if TYPE_CHECKING:
    from rich.console import RenderableType

PICTURES = Path(__file__).parent / "pictures"
PAGE_HASH = PICTURES / "report.sha256"
TEXT = "It's 12,345 naïve tokenizers: 你好 🙂 <|endoftext|> Next"
_SAMPLES = Path(__file__).parent.parent / "sample_texts"
_WIDTH, _WIDE = 80, 100
_PAGE_SIZE = (1100, 900)
"""Pixels."""


def terminal_pictures() -> dict[str, str]:
    """The pictures of a terminal as SVG, by the names of their files."""
    with _samples():
        return {
            "inspect.svg": _shown(f'inspect -t "{TEXT}"', _of_text(), _WIDTH),
            "shards.svg": _shown("inspect shards", _of_shards(), _WIDE),
            "count.svg": _shown("count sample_texts -T gpt2 -T tokenizer.json", _of_counts(), _WIDTH),
        }


def report_page() -> bytes:
    """The report page of a folder of shards."""
    with _samples():
        _make_shards()
        report, shown = inspect_shards("shards"), inspect_windows(WindowsOptions("shards"))
        return page("shards", "a folder of shards", [*folder(report), *windows(shown)])


class _samples(TemporaryDirectory[str]):  # noqa: N801  a context manager
    """A current folder with nothing but a copy of the sample texts."""

    def __enter__(self) -> str:
        place = super().__enter__()
        shutil.copytree(_SAMPLES, Path(place) / _SAMPLES.name)
        self._inside = chdir(place)
        self._inside.__enter__()
        return place

    def __exit__(self, *error: object) -> None:
        self._inside.__exit__()
        self.cleanup()


def _of_text() -> Iterator[Text]:
    return tokens.tokens(tokenize(TEXT.encode(), load_tokenizer("gpt2")), _WIDTH)


def _make_shards() -> None:
    windows = window.WindowSpec(context_length=64, stride=32, val_fraction="0.1")
    options = window.WindowOptions(inputs=(_SAMPLES.name,), output="shards", windows=windows, workers=1)
    window.run(window.plan(options))


def _of_shards() -> Iterator[RenderableType]:
    _make_shards()
    yield from shards.folder(inspect_shards("shards"), _WIDE)
    yield from shards.windows(inspect_windows(WindowsOptions("shards")), _WIDE, 2)


def _of_counts() -> Iterator[Text]:
    vocab.run(vocab.plan(vocab.VocabOptions((_SAMPLES.name,), "tokenizer.json", kind="bpe", size=2000)))
    options = count.CountOptions((_SAMPLES.name,), ("gpt2", "tokenizer.json"), workers=1)
    return counts.table(count.run(count.plan(options)))


def _shown(command: str, lines: Iterable[RenderableType], width: int) -> str:
    prompt = Text.assemble(("$ ", "bold green"), f"gptprep {command}\n")
    return picture([prompt, *lines], width, "gptprep")


def page_hash(html: bytes) -> str:
    """What the file beside the picture of the page has."""
    return hashlib.sha256(html).hexdigest() + "\n"


def _draw(html: bytes, path: Path) -> None:
    """Draw a page with Chromium."""
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as place, sync_playwright() as playwright:
        source = Path(place) / "page.html"
        source.write_bytes(html)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", shutil.which("chromium")), args=["--no-sandbox"]
        )
        shown = browser.new_page(viewport={"width": _PAGE_SIZE[0], "height": _PAGE_SIZE[1]})
        shown.goto(source.as_uri())
        shown.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name, svg in terminal_pictures().items():
        (PICTURES / name).write_text(svg, encoding="utf-8")
    html = report_page()
    _draw(html, PICTURES / "report.png")
    PAGE_HASH.write_text(page_hash(html))
