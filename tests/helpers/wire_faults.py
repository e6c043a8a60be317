"""Runs over a store whose connections break: `main([FOLDER, FIRST, COUNT])` tries the seeds from FIRST on."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gptprep.storage import stores
from tests.helpers import forked, survival
from tests.helpers.folders import contents
from tests.helpers.object_store import Proxy, Store, running_store, seeded_faults

BUCKET = "wire"
WORDS = " ".join(f"word{n}" for n in range(2_000)) + "\n"
OBJECTS = {
    "corpus/a.txt": WORDS.encode(),
    "corpus/b.jsonl": (json.dumps({"text": WORDS[:500]}) + "\n").encode() * 40,
    "corpus/c.txt.gz": gzip.compress(WORDS.encode() * 3, mtime=0),
    "corpus/deep/d.md": b"# A heading\n\nAnd a line.\n" * 50,
}


def runs(seeds: range, store: Store) -> Iterator[list[str]]:
    """What was wrong, for each run."""
    store.put(BUCKET, OBJECTS)
    for key, data in OBJECTS.items():
        Path(key).parent.mkdir(parents=True, exist_ok=True)
        Path(key).write_bytes(data)
    stores._FIRST_WAIT = 0.001  # the order of attempts is what is tried
    assert forked.run(["window", "corpus", "-o", "expected", "-L", "64"]).code == 0
    expected = contents(Path("expected"))
    works: list[Callable[[], int]] = [partial(_run, store, seed, expected) for seed in seeds]
    for seed, ended in zip(seeds, forked.run_each(works), strict=True):
        yield [f"seed {seed}: {ended.messages[-500:]}"] if ended.code else []


def _run(store: Store, seed: int, expected: dict[str, bytes]) -> int:
    with Proxy(store.port) as proxy:
        proxy.fault = seeded_faults(seed)
        os.environ.update(proxy.env)
        stores._store.cache_clear()
        command = ["window", f"s3://{BUCKET}/corpus", "-o", f"out-{seed}", "-L", "64", "--workers", "1"]
        code = forked.gptprep(command)
    return code or int(contents(Path(f"out-{seed}")) != expected)


def main(arguments: list[str]) -> None:
    """Run the driver."""
    folder, first, count = arguments
    os.chdir(folder)
    forked.load_verbs(["window"])
    with running_store() as store:
        survival.report(runs(range(int(first), int(first) + int(count)), store))


if __name__ == "__main__":
    main(sys.argv[1:])
