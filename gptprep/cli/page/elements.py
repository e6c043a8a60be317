"""HTML as a tree, so that no text of the user's can become markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

from gptprep.cli.numbers import printable

Content: TypeAlias = "Element | str | Iterable[Content]"


def element(tag: str, *content: Content, **attributes: str | float) -> Element:
    """An element; what is not printable in a text or an attribute is escaped as in Python.

    Args:
        content: elements, texts, or iterables of them.
        attributes: `class_` is `class`, and `data_label` is `data-label`.
    """
    made = Element(tag, {_name(name): printable(str(value)) for name, value in attributes.items()})
    _append(made, content)
    return made


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _append(parent: Element, content: Content) -> None:
    if isinstance(content, Element):
        parent.append(content)
    elif not isinstance(content, str):
        for part in content:
            _append(parent, part)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + printable(content)
    else:
        parent.text = (parent.text or "") + printable(content)


def html(root: Element) -> str:
    """The text of a tree."""
    return tostring(root, encoding="unicode", method="html")
