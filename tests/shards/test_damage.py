"""Damage to shard folders, one byte after the other: `verify` and readers notice it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest

from gptprep.errors import CorruptDataError
from gptprep.pipelines.verify import require_intact
from gptprep.shards.folder import open_shards
from tests.helpers.folders import make_varied_shards
from tests.helpers.trials import Trials
from tests.helpers.verification import verify_folder

pytestmark = pytest.mark.faults
KINDS = [
    {},
    {"boundary": "document"},
    {"layout": "tokens", "shuffle": True},
    {"layout": "tokens", "boundary": "document"},
]
HEADER = 128
Check = Callable[[Path], None]


@pytest.fixture(params=KINDS, ids=str)
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A small shard folder of each kind."""
    return make_varied_shards(tmp_path, **request.param)


def verify(folder: Path) -> None:
    require_intact(verify_folder(folder))


def verify_fast(folder: Path) -> None:
    require_intact(verify_folder(folder, fast=True))


def read(folder: Path) -> None:
    """Read all windows, as `WindowDataset` does."""
    shards = open_shards(str(folder))
    for split in shards.manifest.splits:
        windows = shards.windows(split)
        windows.check()
        windows.take(range(len(windows)))


def accepting(folder: Path, checks: Iterable[Check]) -> list[str]:
    """The checks that notice nothing."""
    found = []
    for check in checks:
        try:
            check(folder)
        except CorruptDataError:
            continue
        found.append(check.__name__)
    return found


def unnoticed_flips(
    folder: Path, file: Path, places: Iterable[int], random: Random, *checks: Check
) -> list[str]:
    """Which changes of a byte go unnoticed: each with one bit flipped, and with another value."""
    data, found = file.read_bytes(), []
    with open(file, "r+b") as opened:
        for place in places:
            byte = data[place]
            for other in (byte ^ 1 << random.randrange(8), (byte + random.randrange(1, 256)) % 256):
                os.pwrite(opened.fileno(), bytes([other]), place)
                found += [f"{file}, byte {place}: {check}" for check in accepting(folder, checks)]
            os.pwrite(opened.fileno(), bytes([byte]), place)
    assert file.read_bytes() == data
    return found


def unnoticed_truncations(folder: Path, file: Path, *checks: Check) -> list[str]:
    """Which lengths of a file go unnoticed, from its own down to 0."""
    data, found = file.read_bytes(), []
    for size in reversed(range(len(data))):
        os.truncate(file, size)
        found += [f"{file}, {size} bytes: {check}" for check in accepting(folder, checks)]
    file.write_bytes(data)
    return found


def test_change_of_any_byte_of_a_manifest_or_header_is_noticed(folder: Path, trials: Trials) -> None:
    random, wrong, tried = Random(1), list[str](), 0
    for file in [folder / "manifest.json", *sorted((folder / "train").glob("*-00000.npy"))]:
        places = range(file.stat().st_size if file.suffix == ".json" else HEADER)
        wrong += unnoticed_flips(folder, file, places, random, verify_fast, read)
        tried += 2 * len(places)
    trials.count("flipped bytes", tried, wrong)


def test_change_of_any_number_is_noticed(folder: Path, trials: Trials) -> None:
    """By `verify`, which a dataset runs first if it is asked to."""
    random, wrong, tried = Random(2), list[str](), 0
    files = sorted(folder.rglob("*.npy"))
    for file in files:
        count = trials.planned("flipped bytes", 40 * len(KINDS) * len(files))
        places = [random.randrange(HEADER, file.stat().st_size) for _ in range(count)]
        wrong += unnoticed_flips(folder, file, places, random, verify)
        tried += 2 * count
    trials.count("flipped bytes", tried, wrong)


def test_file_that_is_truncated_anywhere_is_noticed(folder: Path, trials: Trials) -> None:
    wrong, tried = list[str](), 0
    for file in [folder / "manifest.json", *sorted((folder / "val").glob("*-00000.npy"))]:
        tried += file.stat().st_size
        wrong += unnoticed_truncations(folder, file, verify_fast, read)
    trials.count("truncated files", tried, wrong)
