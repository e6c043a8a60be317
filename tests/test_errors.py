"""Errors: they cross processes, and system errors say what to do."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from gptprep.errors import CorruptDataError, GptprepError, TextError, os_errors


@pytest.mark.parametrize(
    "error", [GptprepError("a", "b", "c"), CorruptDataError("a"), TextError("a", "b", "c", 7)]
)
def test_errors_can_be_pickled(error: Any) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), vars(copy), str(copy)) == (type(error), vars(error), str(error))


def test_os_errors_suggest_a_fix() -> None:
    with pytest.raises(GptprepError) as caught, os_errors("read", "x"):
        raise FileNotFoundError(2, "No such file or directory")
    assert str(caught.value) == "cannot read x: No such file or directory"
    assert caught.value.fix == "check the path"


def test_broken_pipes_are_not_explained() -> None:
    with pytest.raises(BrokenPipeError), os_errors("write", "x"):
        raise BrokenPipeError
