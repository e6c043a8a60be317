"""`--if-changed`: nothing is done where the output was made from the same, and all of it otherwise."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from gptprep.storage.workdir import mark
from tests.helpers.cli import Run, shell
from tests.helpers.folders import contents, read_manifest, write_manifest
from tests.helpers.schemas import only_document, problems

LINES = {
    "window": "window corpus -o out -L 4 --val corpus/b.txt -T words.json --if-changed",
    "encode": "encode corpus -o out.bin -T words.json --if-changed",
    "embed": "embed shards -o out --weights w.safetensors --dim 2 --if-changed",
}
lines = pytest.mark.parametrize("line", LINES.values(), ids=LINES)


@pytest.fixture
def place(run: Run, tmp_path: Path) -> Path:
    """The test's folder with what the commands read."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text("one two three four five six seven eight nine ten")
    (tmp_path / "corpus" / "b.txt").write_text("ten nine eight seven six five four three two one")
    assert run("vocab", "corpus", "-o", "words.json", "-q").code == 0
    assert run("window", "corpus", "-o", "shards", "-L", "4", "-q").code == 0
    save_file(
        {"wte": np.zeros((50300, 2), np.float32), "wpe": np.zeros((4, 2), np.float32)},
        tmp_path / "w.safetensors",
    )
    return tmp_path


def output(place: Path, line: str) -> dict[str, bytes]:
    """All files that a command wrote."""
    name = line.split()[3]
    files = {file: data for file, data in contents(place).items() if file.startswith(name)}
    assert files
    return files


def is_done_again(run: Run, line: str) -> bool:
    """Whether the command did its work."""
    done = run(*line.split())
    assert done.code == 0, done.err
    assert ("is up to date" in done.err) == (" in " not in done.err)
    return "is up to date" not in done.err


def rewrite(path: Path, old: str, new: str) -> None:
    """Other bytes in a file of the same size and modification time."""
    status = path.stat()
    path.write_text(path.read_text().replace(old, new))
    assert path.stat().st_size == status.st_size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@lines
def test_second_run_leaves_the_output_as_it_is(run: Run, place: Path, line: str) -> None:
    assert is_done_again(run, line)
    first = output(place, line)
    stamps = {name: (place / name).stat() for name in first}
    assert not is_done_again(run, line)
    assert output(place, line) == first
    assert {name: (place / name).stat().st_mtime_ns for name in first} == {
        name: status.st_mtime_ns for name, status in stamps.items()
    }
    assert is_done_again(run, line.replace("--if-changed", "--force"))


@lines
def test_output_of_a_run_without_the_option_is_made_again_once(run: Run, place: Path, line: str) -> None:
    assert run(*line.replace("--if-changed", "").split()).code == 0
    without = output(place, line)
    assert is_done_again(run, line)
    same = [name for name, data in output(place, line).items() if without[name] == data]
    assert len(same) == len(without) - 1  # the manifest, or the .json beside the ids
    assert not is_done_again(run, line)


@lines
@pytest.mark.parametrize("more", ["--quiet", "--no-color"])
def test_options_that_do_not_matter(run: Run, place: Path, line: str, more: str) -> None:
    assert is_done_again(run, line)
    first = output(place, line)
    assert run(*line.split(), more).code == 0
    assert output(place, line) == first


@pytest.mark.parametrize("more", ["--workers 1", "--engine tiktoken", "--no-cross-check", "--encoding UTF-8"])
@pytest.mark.parametrize("verb", ["window", "encode"])
@pytest.mark.usefixtures("place")
def test_workers_and_engine_do_not_matter(run: Run, verb: str, more: str) -> None:
    line = LINES[verb].replace(" -T words.json", "")
    assert is_done_again(run, line)
    assert is_done_again(run, f"{line} {more}") == ("UTF-8" in more)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a text": lambda place: rewrite(place / "corpus" / "a.txt", "three", "eight"),
    "a new file": lambda place: (place / "corpus" / "c.txt").write_text("two"),
    "a file less": lambda place: (place / "corpus" / "a.txt").write_bytes(b"one two three"),
    "a name": lambda place: (place / "corpus" / "a.txt").rename(place / "corpus" / "aa.txt"),
    "the tokenizer": lambda place: rewrite(place / "words.json", '"ten"', '"net"'),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("verb", ["window", "encode"])
def test_other_inputs_give_what_a_new_run_gives(
    run: Run, place: Path, verb: str, change: Callable[[Path], object]
) -> None:
    line = LINES[verb] + " -L 2" * (verb == "window")
    assert is_done_again(run, line)
    change(place)
    first = run(*line.split())
    assert "is up to date" not in first.err
    if first.code:  # a word that the vocabulary has no more
        assert "not in the vocabulary" in first.err
        return
    changed = output(place, line)
    assert is_done_again(run, line.replace("--if-changed", "--force"))
    new = output(place, line)
    assert [name for name in new if new[name] != changed[name]] == [
        name for name in new if name.endswith(".json") and name != "out/tokenizer.json"
    ]


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        ("window", "-L 3"),
        ("window", "-S 2"),
        ("window", "--shard-size 200"),
        ("window", "--layout tokens"),
        ("window", "--dtype int64"),
        ("window", "--shuffle"),
        ("window", "--boundary document"),
        ("window", "--special text"),
        ("window", "--errors replace"),
        ("window", "--val corpus/a.txt --include *.md --include *.txt corpus/b.txt"),
        ("encode", "--special text"),
        ("encode", "--separator nine"),
        ("encode", "corpus/a.txt"),
        ("encode", "-t one"),
        ("embed", "--dtype float16"),
        ("embed", "--limit 1"),
        ("embed", "--position none"),
    ],
)
@pytest.mark.usefixtures("place")
def test_other_options_do_the_work_again(run: Run, verb: str, more: str) -> None:
    line = LINES[verb]
    assert is_done_again(run, line)
    if "--val corpus/a" in more:
        line = line.replace("corpus -o out", "-o out").replace("--val corpus/b.txt", "")
    assert is_done_again(run, f"{line} {more}")
    assert not is_done_again(run, f"{line} {more}")


def test_other_shards_or_weights_do_the_work_of_embed_again(run: Run, place: Path) -> None:
    assert is_done_again(run, LINES["embed"])
    assert run("window", "corpus", "-o", "shards", "-L", "3", "-f", "-q").code == 0
    assert is_done_again(run, LINES["embed"])
    tables = {"wte": np.ones((50300, 2), np.float32), "wpe": np.zeros((4, 2), np.float32)}
    save_file(tables, place / "w.safetensors")
    assert is_done_again(run, LINES["embed"])
    assert not is_done_again(run, LINES["embed"])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "window: a shard is missing": lambda place: (place / "out/train/inputs-00000.npy").unlink(),
    "window: a shard is shorter": lambda place: os.truncate(place / "out/val/targets-00000.npy", 130),
    "window: no tokenizer": lambda place: (place / "out/tokenizer.json").unlink(),
    "window: a shorter tokenizer": lambda place: os.truncate(place / "out/tokenizer.json", 30),
    "encode: fewer ids": lambda place: os.truncate(place / "out.bin", 4),
    "encode: no ids": lambda place: (place / "out.bin").unlink(),
    "encode: no provenance": lambda place: (place / "out.bin.json").unlink(),
    "embed: an array is missing": lambda place: (place / "out/train/embeddings-00000.npy").unlink(),
    "embed: shorter tables": lambda place: os.truncate(place / "out/weights.safetensors", 100),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_incomplete_output_is_made_again(run: Run, place: Path, damage: str) -> None:
    line = LINES[damage.partition(":")[0]]
    assert is_done_again(run, line)
    first = output(place, line)
    DAMAGE[damage](place)
    assert is_done_again(run, line)
    assert output(place, line) == first


@lines
def test_leftovers_of_a_stopped_run_are_removed(run: Run, place: Path, line: str) -> None:
    assert is_done_again(run, line)
    partial = place / f"{line.split()[3]}.partial"
    mark_leftover(partial)
    assert not is_done_again(run, line)
    assert not partial.exists()


def mark_leftover(folder: Path) -> None:
    """A working folder as a killed run leaves it."""
    folder.mkdir()
    mark(str(folder))
    (folder / "parts").mkdir()
    (folder / "parts" / "part-000000.npy").write_bytes(b"1234")


def test_up_to_date_output_may_hold_the_current_folder(run: Run, place: Path) -> None:
    assert is_done_again(run, LINES["window"])
    line = "gptprep window ../corpus -o ../out -L 4 --val ../corpus/b.txt -T ../words.json --if-changed"
    assert b"is up to date" in shell(line, place / "out").stderr
    refused = shell(f"{line} -S 2", place / "out")
    assert refused.returncode == 1
    assert b"the current folder is in" in refused.stderr


@pytest.mark.usefixtures("place")
def test_folder_of_somebody_else_is_not_replaced(run: Run, place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / "mine.txt").write_text("mine")
    done = run(*LINES["window"].split())
    assert done.code == 1
    assert "already exists and was not written by gptprep" in done.err
    shutil.rmtree(place / "out")
    assert is_done_again(run, LINES["window"])


@pytest.mark.parametrize(
    ("line", "what", "then"),
    [
        ("window - -o out -L 2 --if-changed", "standard input can be read only once", "window - -o out -L 2"),
        (
            "encode corpus --if-changed",
            "only .npy and .bin files keep",
            "encode corpus --if-changed -o F.bin",
        ),
        (
            "encode corpus -o x.txt --if-changed",
            "only .npy and .bin",
            "encode corpus --if-changed -o FILE.bin",
        ),
    ],
)
@pytest.mark.usefixtures("place")
def test_what_cannot_be_compared_is_refused(run: Run, line: str, what: str, then: str) -> None:
    done = run(*line.split(), stdin=b"one two three four")
    assert done.code == 2
    assert what in done.err
    assert run(*then.split(), stdin=b"one two three four").code == 0


@lines
@pytest.mark.usefixtures("place")
def test_json_document(run: Run, line: str) -> None:
    assert is_done_again(run, line)
    document = only_document(run(*line.split(), "--json").out)
    assert document == {"schema": "gptprep-up-to-date", "version": 1, "output": line.split()[3]}
    assert not problems(document, "gptprep-up-to-date")


@pytest.mark.usefixtures("place")
def test_dry_run_says_whether_there_is_work(run: Run) -> None:
    line = LINES["window"] + " --dry-run"
    assert "is up to date" not in run(*line.split()).err
    assert is_done_again(run, LINES["window"])
    assert "out is up to date" in run(*line.split()).err


@pytest.mark.parametrize("value", [7, ["x"], True])
def test_sha256_of_another_type_is_damage(run: Run, place: Path, value: object) -> None:
    for verb, name in (("window", "out"), ("embed", "embedded")):
        assert run(*LINES[verb].replace("-o out", f"-o {name}").split()).code == 0
        manifest = read_manifest(place / name)
        manifest["made_from_sha256"] = value
        write_manifest(place / name, manifest)
        assert run("verify", name).code == 3
    assert json.loads((place / "out" / "manifest.json").read_text())["made_from_sha256"] == value
