"""Paths that are not regular files, names that are not text, and links."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.cli import Run
from tests.helpers.fork_server import ForkServer

TEXT = "one two three four five six seven eight nine ten " * 9


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, fork_server: Callable[[str], ForkServer]) -> Path:
    """A text, a vocabulary, a shard folder and its embeddings."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "a.txt").write_text(TEXT)
    for command in (
        "vocab a.txt -o v.json -q",
        "window a.txt -o s -T v.json -L 8 --val-fraction 0.3 -q",
        "embed s -o e --dim 2 --device cpu -q",
    ):
        verb, *arguments = command.split()
        code, _, err = fork_server(verb).run([verb, *arguments], folder, dict(os.environ), b"")
        assert code == 0, err
    return folder


@pytest.fixture
def shards(made: Path, tmp_path: Path) -> Path:
    """A copy of the shard folder, with copies of the rest next to it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "s"


def put(kind: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace a file, if there is one, by something that is not a regular file."""
    path.unlink(missing_ok=True)
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            monkeypatch.chdir(path.parent)  # the name of a socket may have about 100 bytes
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path.name)
        case "loop":
            path.symlink_to(path.name)
        case _:
            path.symlink_to(kind)


@pytest.mark.parametrize("kind", ["/dev/zero", "/dev/null", "fifo", "folder", "socket", "loop"])
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
def test_path_that_is_not_a_regular_file_is_an_error(
    run: Run, shards: Path, monkeypatch: pytest.MonkeyPatch, kind: str, file: str, command: str
) -> None:
    path = shards.parent / file
    put(kind, path, monkeypatch)
    arrays = [array for array in shards.rglob("*.npy") if array.is_file() and array != path]
    before = {array: array.read_bytes() for array in arrays}
    done = run(*command.split())
    assert done.code in (1, 3), done
    assert "error: " in done.err
    assert "Traceback" not in done.err
    names = (path.name, "s already exists and was not written by gptprep", "s is not")
    assert any(name in done.err for name in names)
    assert not (shards.parent / "new").exists()
    assert {array: array.read_bytes() for array in arrays} == before


def test_links_to_files_are_read_and_their_targets_never_written(run: Run, shards: Path) -> None:
    """A downloaded dataset may consist of links to a cache."""
    cache = shards.parent / "cache"
    cache.mkdir()
    for number, file in enumerate(sorted(path for path in shards.rglob("*") if path.is_file())):
        file.rename(cache / str(number))
        file.symlink_to(cache / str(number))
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
    assert len(list(cache.iterdir())) == 6


def test_link_to_its_own_folder_is_not_followed(run: Run, shards: Path) -> None:
    (shards / "more").symlink_to(".")
    done = run("verify", "s")
    assert (done.code, done.err.count("more: it is not in the manifest\n")) == (3, 1)
    done = run("window", "a.txt", "-o", "s", "-T", "v.json", "-L", "8", "--force")
    assert (done.code, "was not written by gptprep" in done.err) == (1, True)
    texts = shards.parent / "texts"
    texts.mkdir()
    (texts / "again").symlink_to(".")
    shutil.copy(shards.parent / "a.txt", texts)
    for inputs in ("texts", "texts/**/*.txt"):
        assert run("encode", "--count", inputs, "-T", "v.json").out == b"90\n"


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", b"\x1b[31mred", b"\xe2\x80\xae", b"-dash", b" "])
@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_names_can_be_any_bytes(run: Run, shards: Path, name: bytes) -> None:
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
