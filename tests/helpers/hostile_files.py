"""Files that may hold anything: `python -m tests.helpers.hostile_files FOLDER KIND COUNT SEED`.

Takes a file that gptprep reads, changes it, and lets gptprep read it. Whatever is in it, a run ends within
seconds and in bounded memory, and succeeds or says what is wrong, without a traceback. Prints what was tried
and what did not hold; the files of failed attempts stay in FOLDER.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import os
import resource
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from gptprep.errors import GptprepError
from gptprep.shards.folder import open_shards
from gptprep.storage.sealed import sealed_json
from gptprep.tokenizers.published import O200K_PATTERN
from gptprep.units import MIB
from tests.helpers import forked
from tests.helpers.mutations import bytes_changed, json_changed, npy_changed, ranks_changed, value_changed
from tests.helpers.paths import SAMPLES

SECONDS = 5
"""Of processor time; a run that waits is ended a little later."""
MEMORY = 300 * MIB
"""Beyond 20 times the file."""
BATCH = 40
"""Files that one process reads, one after the other."""

Change = Callable[[Random, bytes], bytes]


class Kind(NamedTuple):
    """Files of one kind, how they are changed, and what reads them.

    In a command, `@` is the changed file and `DIR` the folder that it is in.
    """

    files: list[str]
    change: Change
    commands: list[str]
    must_fail: bool = False
    """Whether every change must be noticed."""


def _manifest_changed(random: Random, data: bytes) -> bytes:
    """A damaged manifest, or one that somebody who knows the format wrote."""
    if random.randrange(3):
        value = json.loads(data)
        del value["sha256"]
        changed = value_changed(random, value)
        return sealed_json(changed) if isinstance(changed, dict) and changed else json.dumps(changed).encode()
    return json_changed(random, data)


_TEXT = "'The sea is 3 miles wide; <|endoftext|> \U0001f30a'"
_SHARDS = ["shards/manifest.json", "documents/manifest.json", "embeddings/manifest.json"]
_ARRAYS = [
    "shards/train/inputs-00000.npy",
    "shards/val/targets-00000.npy",
    "documents/train/tokens-00000.npy",
    "documents/train/starts-00000.npy",
    "documents/val/lengths-00000.npy",
]
_STREAM = ["decode -T v.json @", "window @ -T v.json -o windows -L 8 -f -q"]
_TOKENIZE = [f"encode -T @ -t {_TEXT}", "encode c -T @ -o encoded.npy -f -q", "decode -T @ 0 1 40 99999999"]
_COUNT = "encode --count @ -T v.json"
_READ = [_COUNT, f"{_COUNT} --errors replace", "vocab @ -o new.json -f -q"]
KINDS = {
    "manifest": Kind(_SHARDS, _manifest_changed, ["verify DIR", "verify --fast DIR", "read DIR"]),
    "damaged manifest": Kind(_SHARDS, bytes_changed, ["verify --fast DIR", "read DIR"], must_fail=True),
    "shard": Kind(_ARRAYS, npy_changed, ["verify DIR", "verify --fast DIR", "read DIR"]),
    "damaged shard": Kind(_ARRAYS, bytes_changed, ["verify DIR"], must_fail=True),
    "ids": Kind(["ids.npy"], npy_changed, _STREAM),
    "raw ids": Kind(["ids.bin"], bytes_changed, _STREAM),
    "tokenizer": Kind(["tokenizer.json", "others.json", "llama.json"], json_changed, _TOKENIZE),
    "ranks": Kind(
        ["ranks.tiktoken"], ranks_changed, [*_TOKENIZE, "encode c --engine gigatoken -T @ -o fast.npy -f -q"]
    ),
    "vocabulary": Kind(["v.json", "chars.json", "plain.json"], json_changed, _TOKENIZE),
    "corpus": Kind(["t.txt", "t.jsonl", "t.parquet", "t.txt.gz", "t.jsonl.zst"], bytes_changed, _READ),
    "weights": Kind(
        ["w.safetensors", "w.pt"],
        bytes_changed,
        ["embed shards --weights @ -o vectors -f -q --device cpu --limit 1"],
    ),
}


WARM = ["verify shards", "encode -T others.json -t x", "encode -T v.json no-such-file"]
"""Runs that import what other runs need."""


def prepare() -> int:
    """Create the files that will be changed; returns the exit code."""
    shutil.copytree(SAMPLES, "samples")
    os.mkdir("c")
    for name in ("poem.txt", "dialogue.txt"):
        text = (SAMPLES / name).read_bytes()
        Path("c", name).write_bytes(text)
    lines = [json.dumps({"text": line, "n": n}) for n, line in enumerate(text.decode().splitlines())]
    Path("t.txt").write_bytes(text[:2_000])
    Path("t.jsonl").write_text("\n".join(lines[:40]))
    Path("t.txt.gz").write_bytes(gzip.compress(text[:2_000]))
    for command in (
        "vocab c -o v.json",
        "vocab c -o chars.json --kind char",
        "vocab samples --kind bpe --size 400 -o tokenizer.json",
        "window c -o shards -T v.json -L 16 -S 8 --val-fraction 0.2 --shard-size 4KB",
        "window c -o documents -T v.json -L 16 --val-fraction 0.2 --shard-size 4KB --layout tokens "
        "--boundary document --shuffle",
        "embed shards -o embeddings --dim 4 --device cpu",
        "encode t.txt -o ids.npy -T v.json",
        "encode t.txt -o ids.bin -T v.json",
    ):
        if code := forked.gptprep([*command.split(), "-q"]):
            return code
    _others(json.loads(Path("tokenizer.json").read_bytes()), lines)
    Path("prepared").touch()
    return 0


def _others(tokenizer: dict[str, Any], lines: list[str]) -> None:
    """Create the files that gptprep reads and does not write."""
    import pyarrow.parquet as parquet
    import torch
    from backports import zstd
    from pyarrow import table
    from safetensors.torch import save_file

    from gptprep.tokenizers.hf_to_tiktoken import convert

    Path("plain.json").write_text(json.dumps({"sea": 0, "The": 1, "is": 2, "<|unk|>": 3}))
    bpe = convert(tokenizer, "tokenizer.json")
    ranks = (base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(bpe.tokens))
    Path("ranks.tiktoken").write_bytes(b"".join(ranks))
    split = {"type": "Split", "pattern": {"Regex": O200K_PATTERN}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    llama = tokenizer | {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, level]}}
    Path("llama.json").write_text(json.dumps(llama))
    others = tokenizer | {"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Whitespace"}}
    Path("others.json").write_text(json.dumps(others))
    parquet.write_table(table({"text": lines}), "t.parquet")
    Path("t.jsonl.zst").write_bytes(zstd.compress("\n".join(lines).encode()))
    tables = {"wte.weight": torch.zeros(1_200, 4), "wpe.weight": torch.zeros(64, 4)}
    save_file(tables, "w.safetensors")
    torch.save(tables, "w.pt")


def read(folder: str) -> int:
    """Read all windows, as a dataset does; returns the exit code that the command line would give."""
    try:
        shards = open_shards(folder)
        for split in shards.manifest.splits:
            reader = shards.windows(split)
            reader.check()
            for first in range(0, min(len(reader), 10_000), 100):
                reader.take(range(first, min(first + 100, len(reader))))
    except GptprepError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def run(command: str) -> int:
    """Run a command that reads a file, with a limit on the time that it works."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + SECONDS, hard))
    words = shlex.split(command)
    return read(words[1]) if words[0] == "read" else forked.gptprep(words)


def filled_in(command: str, file: str) -> str:
    """A command that reads a file."""
    return command.replace("@", file).replace("DIR", file.partition("/")[0])


def readers(kind: Kind) -> dict[str, list[str]]:
    """The commands that can read each file as long as it is unchanged.

    Raises:
        SystemExit: a command reads no file, or a file is read by no command.
    """
    readers = {file: [each for each in kind.commands if _can_read(each, file)] for file in kind.files}
    if not all(readers.values()) or set(kind.commands) != set(chain(*readers.values())):
        raise SystemExit(f"unchanged files are not read: {readers}")
    return readers


def _can_read(command: str, file: str) -> bool:
    ended = forked.wait(forked.start(partial(run, filled_in(command, file))))
    return ended.code == 0 or "99999999 at position" in ended.messages


class Attempt(NamedTuple):
    """A changed file and the command that reads it."""

    file: str
    before: bytes
    data: bytes
    command: str

    @property
    def changed(self) -> str:
        """The name of the changed file: a file in a folder is changed in its place."""
        return self.file if "/" in self.file else f"x_{self.file}"

    def run(self) -> int:
        """Write the file and read it; returns the exit code."""
        Path(self.changed).write_bytes(self.data)
        try:
            return run(filled_in(self.command, self.changed))
        finally:
            self.restore()

    def restore(self) -> None:
        """Write the file as it was."""
        Path(self.file).write_bytes(self.before)

    def keep(self, name: str) -> str:
        """Keep the changed file; returns its new name."""
        kept = f"kept-{name}-{self.file}".replace("/", "-").replace(" ", "-")
        Path(kept).write_bytes(self.data)
        return kept


def attempts(name: str, count: int, seed: int) -> Iterator[str]:
    """What does not hold, for some changed files."""
    kind, random = KINDS[name], Random(f"{name} {seed}")
    before = {file: Path(file).read_bytes() for file in kind.files}
    commands = readers(kind)
    for start in range(0, count, BATCH):
        batch = []
        for _ in range(min(BATCH, count - start)):
            file = random.choice(kind.files)
            data = kind.change(random, before[file])
            batch.append(Attempt(file, before[file], data, random.choice(commands[file])))
        ends = forked.run_each([attempt.run for attempt in batch])
        for number, (attempt, ended) in enumerate(zip(batch, ends, strict=True), start):
            if ended.code < 0:  # by a signal
                attempt.restore()
            if what := wrong(ended, attempt.data, kind.must_fail and attempt.data != attempt.before):
                kept = attempt.keep(f"{name}-{number}")
                yield f"{kept}: {attempt.command}: {what}: {ended.messages[-1500:]}"


def wrong(ended: forked.Ended, data: bytes, must_fail: bool) -> str:
    """What does not hold for a run that read a file; nothing if all does."""
    if ended.code in (-signal.SIGALRM, -signal.SIGXCPU, -signal.SIGKILL):
        return f"it took more than {SECONDS} s, or waited for something"
    if ended.code not in (0, 1, 2, 3, 4):
        return f"it ended with {ended.code}"
    if "Traceback" in ended.messages or (ended.code and "error: " not in ended.messages):
        return "a traceback, or no error that says what is wrong"
    if ended.peak > MEMORY + 20 * len(data):
        return f"it took {ended.peak >> 20} MB"
    if must_fail and not ended.code:
        return "a changed file was accepted"
    return ""


def main(arguments: list[str]) -> None:
    """Run the driver."""
    folder, kind, count, seed = arguments
    os.chdir(folder)
    if not os.path.exists("prepared"):
        ended = forked.wait(forked.start(prepare))
        if ended.code:
            raise SystemExit(f"the files cannot be created: {ended.messages}")
    forked.load(*(shlex.split(command) for command in WARM + KINDS[kind].commands))
    found = list(attempts(kind, int(count), int(seed)))
    sys.stdout.write(json.dumps({"tried": int(count), "wrong": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
