"""Report pages in a real browser: nothing overflows, nothing is missing, and nothing is asked for."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.helpers.cli import Run
from tests.helpers.pages import VIEWS, make_things

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
OVERFLOWING = """() => [...document.querySelectorAll('body, body *')]
    .filter(e => !e.closest('svg') && getComputedStyle(e).display !== 'inline')
    .filter(e => e.scrollWidth > e.clientWidth + 1)
    .map(e => `${e.tagName} ${e.className}: ${e.scrollWidth} in ${e.clientWidth}`)"""
EMPTY_PLOTS = """() => [...document.querySelectorAll('svg.plot, svg.shares, svg.strip')]
    .filter(e => e.getBoundingClientRect().width < 100 || !e.querySelector('rect, path'))
    .map(e => e.outerHTML)"""
OUTSIDE = """() => [...document.querySelectorAll('svg text')]
    .filter(e => e.getBoundingClientRect().right > innerWidth || e.getBoundingClientRect().left < 0)
    .map(e => e.textContent)"""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HOSTILE = "</title><script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; .ci/run installs it"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


def watched(page: Page) -> tuple[list[str], list[str]]:
    """What the page asks for, and what is said on its console, from now on."""
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    return requests, problems


def test_pages_on_a_phone_and_on_a_desk(browser: Browser, run: Run, tmp_path: Path) -> None:
    make_things(run, tmp_path)
    for number, view in enumerate(VIEWS.values()):
        assert run("inspect", *shlex.split(view.line), "--html", f"{number}.html").code == 0
    for width in (400, 1400):
        pictures = []
        for scheme in SCHEMES:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            requests, problems = watched(page)
            for number, (name, view) in enumerate(VIEWS.items()):
                requests.clear()
                page.goto(f"file://{tmp_path}/{number}.html")
                assert requests == [page.url], name
                assert page.evaluate(OVERFLOWING) == [], (name, width)
                assert page.evaluate(EMPTY_PLOTS) == [], (name, width)
                assert page.evaluate(OUTSIDE) == [], (name, width)
                shown = page.inner_text("main")
                assert [text for text in view.texts if text not in shown] == [], (name, width)
                pictures.append(page.screenshot(full_page=True))
            assert problems == []
            page.close()
        assert len(set(pictures)) == len(pictures) == 2 * len(VIEWS)


def test_id_of_a_token_on_hover(browser: Browser, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two\n")
    assert run("inspect", "a.txt", "--html", "a.html").code == 0
    page = browser.new_page(color_scheme="light")
    page.goto(f"file://{tmp_path}/a.html")
    token = page.locator(".running .token", has_text="two")
    content = "e => getComputedStyle(e, '::after').content"
    assert token.evaluate(content) == "none"
    token.hover()
    assert token.evaluate(content) == '"734"'
    page.close()


def test_hostile_text_runs_nothing(browser: Browser, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(HOSTILE)
    page = browser.new_page()
    requests, _ = watched(page)
    for words in (["-t", HOSTILE], ["a.txt"]):
        assert run("inspect", *words, "--html", "a.html", "--svg", "a.svg", "-f").code == 0
        for name in ("a.html", "a.svg"):
            requests.clear()
            page.goto(f"file://{tmp_path}/{name}")
            assert requests == [page.url]
            assert page.title() != "hacked"
            assert page.locator("img, script").count() == 0
    page.close()


def test_page_on_paper(browser: Browser, run: Run, samples: Path, tmp_path: Path) -> None:
    assert run("inspect", samples.name, "--html", "a.html").code == 0
    page = browser.new_page(color_scheme="dark")
    page.goto(f"file://{tmp_path}/a.html")
    page.emulate_media(media="print", color_scheme="dark")
    colours = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    assert page.locator("body").evaluate(colours) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert page.pdf(format="A4").startswith(b"%PDF-")
    page.close()
