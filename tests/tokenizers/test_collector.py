"""Pausing the garbage collector."""

import gc

import pytest

from gptprep.tokenizers.collector import paused_collector


def test_collector_runs_again_after_an_error() -> None:
    assert gc.isenabled()
    with pytest.raises(ValueError, match="x"), paused_collector():
        assert not gc.isenabled()
        raise ValueError("x")
    assert gc.isenabled()


def test_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with paused_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
