"""The examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import gptprep

MODULES = [
    module.name
    for module in pkgutil.walk_packages(gptprep.__path__, "gptprep.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_public_face() -> None:
    for name in gptprep.__all__:
        assert getattr(gptprep, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = gptprep.nonsense
