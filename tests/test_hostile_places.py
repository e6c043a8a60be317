"""Things that are no files, names that are no text, and links that lead elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text, a vocabulary, a shard folder and its embeddings."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "a.txt").write_text("one two three four five six seven eight nine ten " * 9)
    for command in (
        "vocab a.txt -o v.json",
        "window a.txt -o s -T v.json -L 8 --val-fraction 0.3",
        "embed s -o e --dim 2 --device cpu",
    ):
        subprocess.run([sys.executable, "-m", "gptprep", *command.split(), "-q"], cwd=folder, check=True)
    return folder


@pytest.fixture
def shards(made: Path, tmp_path: Path) -> Path:
    """The shard folder, with the rest beside it, to be tampered with."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "s"


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/null", "fifo", "folder", "socket", "loop"])
@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("s/manifest.json", "verify s"),
        ("s/manifest.json", "embed s -o e2 --dim 2 --device cpu"),
        ("s/manifest.json", "window a.txt -o s -T v.json -L 8 --force"),
        ("s/train/inputs-00000.npy", "verify s"),
        ("s/train/targets-00000.npy", "embed s -o e2 --dim 2 --device cpu"),
        ("e/weights.safetensors", "verify --fast e"),
        ("e/manifest.json", "verify e"),
        ("v.json", "encode -T v.json -t one"),
        ("x.tiktoken", "encode -T x.tiktoken -t one"),
        ("ids.npy", "decode -T v.json ids.npy"),
        ("ids.bin", "window ids.bin -T v.json -L 2 -o new"),
        ("w.safetensors", "embed s -o e2 --weights w.safetensors --device cpu"),
        ("w.pt", "embed s -o e2 --weights w.pt --device cpu"),
    ],
)
def test_what_is_no_file_is_an_error(run: Run, shards: Path, place: str, file: str, command: str) -> None:
    path = shards.parent / file
    path.unlink(missing_ok=True)
    match place:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            code = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])"
            subprocess.run([sys.executable, "-c", code, path.name], cwd=path.parent, check=True)
        case "loop":
            path.symlink_to(path.name)
        case _:
            path.symlink_to(place)
    others = {file: file.read_bytes() for file in shards.rglob("*.npy") if file.is_file() and file != path}
    done = run(*command.split())
    assert done.code in (1, 3), done
    assert "error: " in done.err
    assert "Traceback" not in done.err
    assert (
        path.name in done.err or "s already exists and is not gptprep's" in done.err or "s is not" in done.err
    )
    assert not (shards.parent / "new").exists()
    assert {file: file.read_bytes() for file in others} == others


def test_links_are_read_for_what_they_hold(run: Run, shards: Path) -> None:
    """A downloaded data set may be all links; that they lead outside is no matter while it holds the same."""
    store = shards.parent / "store"
    store.mkdir()
    for number, file in enumerate(sorted(path for path in shards.rglob("*") if path.is_file())):
        file.rename(store / str(number))
        file.symlink_to(store / str(number))
    assert run("verify", "s").code == 0
    secret = shards.parent / "secret"
    secret.write_text("not for you " * 100)
    link = shards / "train" / "inputs-00000.npy"
    link.unlink()
    link.symlink_to(secret)
    done = run("verify", "s")
    assert (done.code, "not for you" in done.err) == (3, False)
    assert run("window", "a.txt", "-o", "s", "-T", "v.json", "-L", "8", "--force").code == 0
    assert secret.read_text().startswith("not for you")
    assert len(list(store.iterdir())) == 5


def test_a_folder_that_contains_itself(run: Run, shards: Path) -> None:
    (shards / "more").symlink_to(".")
    done = run("verify", "s")
    assert (done.code, "✗ more: it is not in the manifest" in done.err) == (3, True)
    done = run("window", "a.txt", "-o", "s", "-T", "v.json", "-L", "8", "--force")
    assert (done.code, "is not gptprep's" in done.err) == (1, True)
    top = shards.parent / "texts"
    top.mkdir()
    (top / "again").symlink_to(".")
    shutil.copy(shards.parent / "a.txt", top)
    for inputs in ("texts", "texts/**/*.txt"):
        assert run("encode", "--count", inputs, "-T", "v.json").out == b"90\n"


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", b"\x1b[31mred", b"\xe2\x80\xae", b"-dash", b" "])
@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_names_that_are_no_text(run: Run, shards: Path, name: bytes) -> None:
    path = os.fsencode(shards.parent) + b"/" + name
    os.link(shards.parent / "a.txt", path)
    given = os.fsdecode(b"./" + name)
    assert run("encode", given, "--count", "-T", "v.json").out == b"90\n"
    assert run("window", given, "-o", "t", "-T", "v.json", "-L", "8", "-q").code == 0
    assert run("verify", "t").code == 0
    assert run("encode", given + "x").code == 1
    os.link(path, os.fsencode(shards) + b"/train/" + name)
    done = run("verify", "s")
    assert done.code == 3
    assert "it is not in the manifest" in done.err
    assert "\x1b" not in done.err
    assert run("verify", "s", "--json").code == 3
    out = os.fsdecode(b"./out" + name)
    assert run("window", "a.txt", "-o", out, "-T", "v.json", "-L", "8", "-q").code == 0
    assert run("verify", out).code == 0
