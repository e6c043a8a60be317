"""The examples in docstrings, and the names that `import gptprep` gives."""

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
def test_docstring_examples_are_right(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_public_names_have_docstrings() -> None:
    for name in gptprep.__all__:
        assert getattr(gptprep, name).__doc__


def test_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = gptprep.nonsense
