"""Damage to what `window` wrote, one byte after the other: `verify` and the reader of a dataset notice it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from gptprep.errors import DamagedData
from gptprep.pipelines.verify import require_whole, verify_folder
from gptprep.shards import open_shards
from tests.test_verify import make
from tests.trials import Trials

pytestmark = pytest.mark.faults
KINDS = [
    {},
    {"boundary": "document"},
    {"layout": "tokens", "shuffle": True},
    {"layout": "tokens", "boundary": "document"},
]
HEADER = 128


@pytest.fixture(params=KINDS, ids=str)
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A small shard folder of each kind."""
    return make(tmp_path, **request.param)


def verify(folder: Path) -> None:
    require_whole(verify_folder(str(folder)))


def verify_fast(folder: Path) -> None:
    require_whole(verify_folder(str(folder), fast=True))


def read(folder: Path) -> None:
    """As `WindowDataset` does."""
    shards = open_shards(str(folder))
    for split in shards.manifest.splits:
        windows = shards.windows(split)
        windows.check()
        windows.take(range(len(windows)))


def unnoticed(
    folder: Path, file: Path, changes: Iterator[bytes], *checks: Callable[[Path], None]
) -> list[str]:
    """Which changes of a file which check does not notice."""
    data, found = file.read_bytes(), []
    for number, changed in enumerate(changes):
        assert changed != data
        file.write_bytes(changed)
        for check in checks:
            try:
                check(folder)
            except DamagedData:
                continue
            found.append(f"{file}, change {number}: {check.__name__}")
    file.write_bytes(data)
    return found


def flips(data: bytes, places: range | list[int], random: Random) -> Iterator[bytes]:
    """The data with one bit of each of these bytes flipped, and with each another one."""
    for place in places:
        for other in (data[place] ^ 1 << random.randrange(8), (data[place] + random.randrange(1, 256)) % 256):
            yield data[:place] + bytes([other]) + data[place + 1 :]


def test_a_flip_of_any_byte_of_a_manifest_or_a_header_is_noticed(folder: Path, trials: Trials) -> None:
    random, wrong, tried = Random(1), [], 0
    for file in [folder / "manifest.json", *sorted((folder / "train").glob("*-00000.npy"))]:
        data = file.read_bytes()
        places = range(len(data) if file.suffix == ".json" else HEADER)
        wrong += unnoticed(folder, file, flips(data, places, random), verify_fast, read)
        tried += 2 * len(places)
    trials.count("flipped bytes", tried, wrong)


def test_a_flip_of_any_number_is_noticed(folder: Path, trials: Trials) -> None:
    """With `verify`, which a dataset does first where it is asked to."""
    random, wrong, tried = Random(2), [], 0
    files = sorted(folder.rglob("*.npy"))
    for file in files:
        data = file.read_bytes()
        count = trials.planned("flipped bytes", 40 * len(KINDS) * len(files))
        places = [random.randrange(HEADER, len(data)) for _ in range(count)]
        wrong += unnoticed(folder, file, flips(data, places, random), verify)
        tried += 2 * count
    trials.count("flipped bytes", tried, wrong)


def test_a_file_that_is_cut_anywhere_is_noticed(folder: Path, trials: Trials) -> None:
    wrong, tried = [], 0
    for file in [folder / "manifest.json", *sorted((folder / "val").glob("*-00000.npy"))]:
        data = file.read_bytes()
        wrong += unnoticed(folder, file, (data[:size] for size in range(len(data))), verify_fast, read)
        tried += len(data)
    trials.count("files cut short", tried, wrong)
