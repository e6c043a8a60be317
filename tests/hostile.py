"""Files that may hold anything: `python -m tests.hostile FOLDER KIND COUNT SEED`.

Takes a file that gptprep reads, changes it, and lets gptprep read it: whatever is in it, a run ends within
seconds and in bounded memory, well or with an error that says what is wrong; never with a traceback. Prints
what was tried and what did not hold, as JSON; the files of those runs stay in FOLDER.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from gptprep.errors import GptprepError
from gptprep.manifests import sealed_json
from gptprep.shards import open_shards
from gptprep.tokenizers.encodings import O200K_PATTERN
from tests import children
from tests.mutations import bytes_changed, json_changed, npy_changed, ranks_changed, value_changed
from tests.trials import TOP

SECONDS = 5
"""Of work; what waits is ended after some more."""
MEMORY = 300 << 20
"""Bytes, beyond 20 times the file."""

Change = Callable[[Random, bytes], bytes]


class Kind(NamedTuple):
    """Files of one kind, how they are changed, and what reads them; `@` is the changed file's name."""

    files: list[str]
    change: Change
    commands: list[str]
    whole: bool = False
    """Whether a command may only end well if nothing has changed."""


def _manifest_changed(random: Random, data: bytes) -> bytes:
    """As it was damaged, or as somebody wrote it who knows the format."""
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
_STREAM = ["decode -T v.json @", "window @ -T v.json -o out -L 8 -f -q"]
_TOKENIZE = [f"encode -T @ -t {_TEXT}", "encode c -T @ -o out.npy -f -q", "decode -T @ 0 1 40 99999999"]
KINDS = {
    "manifest": Kind(_SHARDS, _manifest_changed, ["verify @/..", "verify --fast @/..", "read @/.."]),
    "damaged manifest": Kind(_SHARDS, bytes_changed, ["verify --fast @/..", "read @/.."], whole=True),
    "shard": Kind(_ARRAYS, npy_changed, ["verify @/../..", "verify --fast @/../..", "read @/../.."]),
    "damaged shard": Kind(_ARRAYS, bytes_changed, ["verify @/../.."], whole=True),
    "ids": Kind(["ids.npy"], npy_changed, _STREAM),
    "raw ids": Kind(
        ["ids.bin"], bytes_changed, ["decode -T v.json @", "window @ -T v.json -o out -L 8 -f -q"]
    ),
    "tokenizer": Kind(["tokenizer.json", "others.json", "llama.json"], json_changed, _TOKENIZE),
    "ranks": Kind(
        ["ranks.tiktoken"], ranks_changed, [*_TOKENIZE, "encode c --engine gigatoken -T @ -o out.npy -f -q"]
    ),
    "vocabulary": Kind(["v.json", "chars.json", "plain.json"], json_changed, _TOKENIZE),
    "corpus": Kind(
        ["t.txt", "t.jsonl", "t.parquet", "t.txt.gz", "t.jsonl.zst"],
        bytes_changed,
        [
            "encode --count @ -T v.json",
            "encode --count @ -T v.json --errors replace",
            "vocab @ -o out.json -f -q",
        ],
    ),
    "weights": Kind(
        ["w.safetensors", "w.pt"],
        bytes_changed,
        ["embed shards --weights @ -o out -f -q --device cpu --limit 1"],
    ),
}


WARM = ["verify shards", "encode -T others.json -t x", "encode -T v.json no-such-file"]
"""Runs that import what others need."""


def prepare() -> None:
    """The files that are going to be changed."""
    shutil.copytree(TOP / "sample_texts", "samples")
    os.mkdir("c")
    for name in ("poem.txt", "dialogue.txt"):
        text = Path(TOP, "sample_texts", name).read_bytes()
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
        subprocess.run([sys.executable, "-m", "gptprep", *command.split(), "-q"], check=True)
    _others(json.loads(Path("tokenizer.json").read_bytes()), lines)


def _others(tokenizer: dict[str, Any], lines: list[str]) -> None:
    """What gptprep reads and does not write."""
    import pyarrow.parquet as parquet
    import torch
    from backports import zstd
    from pyarrow import table
    from safetensors.torch import save_file

    from gptprep.tokenizers.exact_bpe import exact_bpe

    Path("plain.json").write_text(json.dumps({"sea": 0, "The": 1, "is": 2, "<|unk|>": 3}))
    bpe = exact_bpe(tokenizer, "tokenizer.json")
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
    """Read all windows, as a dataset does; the exit code that the command line would give."""
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


def attempt(command: str) -> int:
    """Run a command that reads a changed file."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    words = shlex.split(command)
    return read(words[1]) if words[0] == "read" else children.gptprep(words)


def attempts(name: str, count: int, seed: int) -> Iterator[str]:
    """What does not hold, of so many changed files."""
    kind, random = KINDS[name], Random(f"{name} {seed}")
    originals = {file: Path(file).read_bytes() for file in kind.files}
    for number in range(count):
        file = random.choice(kind.files)
        data = kind.change(random, originals[file])
        changed = file if "/" in file else f"x_{file}"  # of a folder, all of it has to be there
        Path(changed).write_bytes(data)
        command = random.choice(kind.commands).replace("@", changed)
        ended = children.wait(children.start(partial(attempt, command)))
        if what := wrong(ended, data, kind.whole and data != originals[file]):
            kept = f"kept-{name.replace(' ', '-')}-{number}-{file.replace('/', '-')}"
            Path(kept).write_bytes(data)
            yield f"{kept}: {command}: {what}: {ended.messages[-1500:]}"
        if changed == file:
            Path(file).write_bytes(originals[file])


def wrong(ended: children.Ended, data: bytes, must_fail: bool) -> str:
    """What does not hold of a run that read a file; nothing if all does."""
    if ended.code in (-signal.SIGALRM, -signal.SIGXCPU, -signal.SIGKILL):
        return f"it took more than {SECONDS} s of work, or waited for something"
    if ended.code not in (0, 1, 2, 3, 4):
        return f"it ended with {ended.code}"
    if "Traceback" in ended.messages or (ended.code and "error: " not in ended.messages):
        return "a traceback, or no error that says what is wrong"
    if ended.peak > MEMORY + 20 * len(data):
        return f"it took {ended.peak >> 20} MB"
    if must_fail and not ended.code:
        return "a changed file was taken as whole"
    return ""


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    if not os.path.exists("prepared"):
        prepare()
        Path("prepared").touch()
    children.load(*(shlex.split(command) for command in WARM + KINDS[sys.argv[2]].commands))
    found = list(attempts(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    sys.stdout.write(json.dumps({"tried": int(sys.argv[3]), "wrong": found}))
