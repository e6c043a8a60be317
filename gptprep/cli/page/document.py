"""The page around what is shown: one file that needs no other, runs no script and asks no network."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from xml.etree.ElementTree import Element

from gptprep import __version__
from gptprep.cli.page.elements import Content, element, html

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""A browser neither runs a script of this page nor loads anything, whatever texts are in it."""


def page(title: str, kind: str, cards: Iterable[Element]) -> bytes:
    """The HTML of a page.

    Args:
        title: what is shown, as the user named it.
        kind: what it is.
    """
    style = (files("gptprep.cli.page") / "style.css").read_text("utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} · gptprep"),
        _style(style),
    )
    header = element("header", element("p", kind, class_="kind"), element("h1", title))
    footer = element("footer", f"gptprep {__version__}")
    body = element("body", element("main", header, element("div", cards, class_="cards"), footer))
    return f"<!doctype html>\n{html(element('html', head, body, lang='en'))}\n".encode()


def _style(text: str) -> Element:
    made = Element("style")
    made.text = "\n" + text  # as it is: it is ours, and has lines
    return made


def card(title: str, *content: Content, remark: str = "", wide: bool = False) -> Element:
    """A part of the page with a heading.

    Args:
        wide: whether it has a row of its own where there is room for two.
    """
    said = [element("small", remark)] if remark else []
    heading = element("h2", title, " " if remark else "", said)
    return element("section", heading, *content, class_="card wide" if wide else "card")
