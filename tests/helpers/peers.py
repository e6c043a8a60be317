"""Peers of the benchmarks, run once in a forked child."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.peers import Peer
from tests.helpers import driver_server


def write(peer: Peer, name: str, folder: Path) -> Path:
    """Run a peer on a folder of materials; returns its new output folder."""
    if not peer.is_installed:
        pytest.skip(f"{name} is not installed")
    output = folder / "outputs" / name
    output.mkdir(parents=True)
    arguments, with_torch = [name, str(folder), str(output)], peer.needs[0] == "torch"
    driven = driver_server.drive("benchmarks.one", arguments, seconds=120, with_torch=with_torch)
    assert driven.code == 0, driven
    return output


def numbers(output: Path, pattern: str) -> NDArray[np.uint16]:
    """All numbers in the files of an output that match a pattern, one after the other."""
    paths = sorted(output.glob(pattern))
    return np.concatenate(
        [np.load(p).ravel() if p.suffix == ".npy" else np.fromfile(p, "<u2") for p in paths]
    )
