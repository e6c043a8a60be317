"""Inputs in an object store: the bytes that the same files on disk give, and errors that name the object."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from backports import zstd

from tests.helpers.cli import Run
from tests.helpers.folders import contents
from tests.helpers.object_store import Fault, Store, shared_store

WORDS = " ".join(f"word{n}" for n in range(3_000)) + "\n"
LINES = "".join(json.dumps({"text": WORDS[n : n + 300]}) + "\n" for n in range(0, 9_000, 90))


def parquet(path: Path) -> None:
    pyarrow.parquet.write_table(
        pyarrow.table({"id": range(300), "text": [WORDS[n : n + 99] for n in range(300)]}), path
    )


FILES: dict[str, Callable[[Path], object]] = {
    "a.txt": lambda path: path.write_text(WORDS),
    "b.jsonl": lambda path: path.write_text(LINES),
    "c.txt.gz": lambda path: path.write_bytes(gzip.compress(WORDS.encode())),
    "d.jsonl.zst": lambda path: path.write_bytes(zstd.compress(LINES.encode())),
    "deep/e.parquet": parquet,
    "deep/f.md": lambda path: path.write_text("# A name with ends: é\n"),
    "deep.txt": lambda path: path.write_text("before the folder, whose name is longer\n"),
    "image.png": lambda path: path.write_bytes(b"\x89PNG"),
    ".hidden.txt": lambda path: path.write_text("hidden\n"),
    ".folder/g.txt": lambda path: path.write_text("hidden\n"),
    "odd #1?%20[x].txt": lambda path: path.write_text("odd\n"),
}


@pytest.fixture
def store() -> Store:
    return shared_store()


@pytest.fixture
def bucket(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A bucket with the files that are in the folder `corpus` too."""
    name = "b" + str(abs(hash(request.node.name)))
    for file, make in FILES.items():
        path = tmp_path / "corpus" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
    store.put(name, {f"corpus/{file}": (tmp_path / "corpus" / file).read_bytes() for file in FILES})
    store.put(name, {"corpus/empty/": b""})
    return name


@pytest.mark.parametrize("workers", ["1", "2"])
def test_windows_of_objects_are_those_of_the_same_files(
    run: Run, store: Store, bucket: str, tmp_path: Path, workers: str
) -> None:
    options = "-L", "32", "--val-fraction", "0.2", "--workers", workers
    assert run("window", "corpus", "-o", "expected", *options).code == 0
    done = run("window", f"s3://{bucket}/corpus", "-o", "out", *options, env=store.env)
    assert done.code == 0, done.err
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")
    assert "(3 passed over)" in done.err


def test_every_verb_that_reads_text_reads_objects(
    run: Run, store: Store, bucket: str, tmp_path: Path
) -> None:
    url = f"s3://{bucket}/corpus"
    for words in (
        ["encode", "{}", "-o", "{}.npy"],
        ["vocab", "{}", "-o", "{}.json"],
        ["window", "{}", "-o", "{}", "-L", "16", "--layout", "tokens", "--if-changed"],
        ["count", "{}"],
        ["encode", "{}", "--count"],
        ["inspect", "{}/a.txt"],
    ):
        found = []
        for source, name in (("corpus", "ours"), (url, "out")):
            words_of_run = [word.format(source if place == 1 else name) for place, word in enumerate(words)]
            done = run(*words_of_run, env=store.env)
            assert done.code == 0, done.err
            found.append(done.out.replace(url.encode(), b"corpus"))
        assert found[0] == found[1]
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "ours.npy").read_bytes()
    assert (tmp_path / "out.json").read_bytes() == (tmp_path / "ours.json").read_bytes()
    again = run(
        "window", url, *["-o", "out", "-L", "16", "--layout", "tokens", "--if-changed"], env=store.env
    )
    assert "is up to date" in again.err, again.err


@pytest.mark.parametrize(
    "pattern", ["*.txt", "**/*.md", "deep/*", "**", "*/f.md", "[ab].*", "?.txt", "odd #1?%20[[]x].txt"]
)
def test_pattern_names_the_objects_that_it_names_on_disk(
    run: Run, store: Store, bucket: str, pattern: str
) -> None:
    expected = run("count", f"corpus/{pattern}")
    done = run("count", f"s3://{bucket}/corpus/{pattern}", env=store.env)
    assert done.out.replace(f"s3://{bucket}/".encode(), b"") == expected.out
    assert done.code == expected.code


def test_include_and_exclude_choose_objects(run: Run, store: Store, bucket: str) -> None:
    options = "--include", "*.txt", "--include", "deep/*.md", "--exclude", "a*"
    expected = run("count", "corpus", *options)
    done = run("count", f"s3://{bucket}/corpus/", *options, env=store.env)
    assert done.out.replace(f"s3://{bucket}/".encode(), b"") == expected.out
    assert expected.code == 0


@pytest.mark.parametrize("name", ["ids.bin", "ids.npy"])
def test_ids_in_a_store_are_read_with_what_made_them(
    run: Run, store: Store, bucket: str, tmp_path: Path, name: str
) -> None:
    assert run("encode", "corpus/a.txt", "-o", name).code == 0
    beside = f"{name}.json"
    store.put(bucket, {one: (tmp_path / one).read_bytes() for one in (name, beside)})
    done = run("decode", f"s3://{bucket}/{name}", env=store.env)
    assert done.out.decode() == WORDS, done.err
    assert run("window", name, "-o", "expected", "-L", "8").code == 0
    done = run("window", f"s3://{bucket}/{name}", "-o", "out", "-L", "8", env=store.env)
    assert contents(tmp_path / "out") == contents(tmp_path / "expected"), done.err
    assert np.load(tmp_path / "out" / "train" / "inputs-00000.npy").shape[1] == 8


def test_file_behind_http_is_read(run: Run, store: Store, bucket: str) -> None:
    url = f"http://127.0.0.1:{store.port}/{bucket}/corpus/a.txt"
    assert run("count", url).out == run("count", "corpus/a.txt").out.replace(b"corpus/a.txt", url.encode())


def test_pages_of_a_table_that_are_larger_than_what_is_received_at_once(
    run: Run, store: Store, bucket: str, tmp_path: Path
) -> None:
    texts = [f"{n} " * 900 for n in range(2_000)]
    table = pyarrow.table({"text": texts})
    pyarrow.parquet.write_table(
        table, tmp_path / "big.parquet", compression="none", data_page_size=1 << 24, use_dictionary=False
    )
    store.put(bucket, {"big.parquet": (tmp_path / "big.parquet").read_bytes()})
    done = run("count", f"s3://{bucket}/big.parquet", env=store.env)
    assert done.out.replace(f"s3://{bucket}/".encode(), b"") == run("count", "big.parquet").out, done.err


class _Ranges(SimpleHTTPRequestHandler):
    """A server of files with ranges and without ETags; what is below `whole/` has no ranges either."""

    def do_GET(self) -> None:
        wanted = self.headers.get("range", "")
        if self.path.startswith("/whole/") or not wanted:
            super().do_GET()
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        data = Path(self.translate_path(self.path)).read_bytes()
        part = data[int(first) : int(last) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.send_header("Last-Modified", self.date_time_string(int(1e9)))
        self.end_headers()
        self.wfile.write(part)

    def send_header(self, name: str, value: str) -> None:
        super().send_header(name, self.date_time_string(int(1e9)) if name == "Last-Modified" else value)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_server_without_etags_is_held_to_the_time_of_the_last_change(run: Run, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    for name in ("a.txt", "whole/a.txt"):
        (tmp_path / name).write_text(WORDS)
    handler = partial(_Ranges, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        done = run("count", f"{url}/a.txt")
        refused = run("count", f"{url}/whole/a.txt")
        server.shutdown()
    assert done.out.replace(f"{url}/".encode(), b"") == run("count", "a.txt").out, done.err
    assert refused.code == 1
    assert "fix: download the file: its server does not send parts of files" in refused.err


# Errors


@pytest.mark.parametrize(
    "words",
    [
        ["count", "https://user:word@h.invalid/d/"],
        ["count", "https://h.invalid/d?sig=word/"],
        ["count", "https://h.invalid?sig=word"],
        ["decode", "s3://user:word@b/x.bin"],
        ["encode", "-t", "x", "-o", "s3://user:word@b/x.bin"],
        ["window", "x", "-o", "s3://user:word@b/x"],
        ["inspect", "s3://user:word@b/x.txt"],
    ],
)
def test_credentials_in_a_url_are_not_shown(run: Run, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "x").write_text(WORDS)
    done = run(*words)
    assert done.code == 2, done.err
    assert "word@" not in done.err
    assert "sig" not in done.err


def with_fault(store: Store, fault: Fault) -> pytest.MonkeyPatch:
    patch = pytest.MonkeyPatch()
    patch.setattr(store.proxy, "fault", fault)
    return patch


@pytest.mark.parametrize("how", ["changed", "vanished"])
@pytest.mark.parametrize("name", ["a.txt", "b.jsonl", "c.txt.gz", "deep/e.parquet"])
def test_object_that_is_another_one_when_it_is_read_is_named(
    run: Run, store: Store, bucket: str, tmp_path: Path, name: str, how: str
) -> None:
    key, url = f"corpus/{name}", f"s3://{bucket}/corpus/{name}"
    data = (tmp_path / key).read_bytes()

    def fault(method: str, path: str) -> str:
        if method == "GET" and path.endswith(name):
            if how == "changed":
                store.put(bucket, {key: data[::-1]})
            else:
                store.client.delete_object(Bucket=bucket, Key=key)
        return ""

    patch = with_fault(store, fault)
    done = run("window", f"s3://{bucket}/corpus", "-o", "out", "-L", "8", env=store.env)
    patch.undo()
    assert done.code == 1
    assert f"error: {url} {how} while it was read" in done.err
    assert not (tmp_path / "out").exists()
    store.put(bucket, {key: data})
    assert run("window", f"s3://{bucket}/corpus", "-o", "out", "-L", "8", env=store.env).code == 0


def test_credentials_are_in_no_message_and_no_file(
    run: Run, store: Store, bucket: str, tmp_path: Path
) -> None:
    secrets = [value.encode() for name, value in store.env.items() if "KEY" in name]
    assert len(secrets) == 2
    done = run("window", f"s3://{bucket}/corpus", "-o", "out", "-L", "8", env=store.env)
    said = done.err.encode() + b"".join(contents(tmp_path / "out").values())
    patch = with_fault(store, lambda _method, _path: "403")
    for words in (["window", f"s3://{bucket}/corpus", "-o", "o2"], ["--debug", "count", f"s3://{bucket}/x"]):
        done = run(*words, "-L", "8", env=store.env) if words[0] == "window" else run(*words, env=store.env)
        assert done.code == 1
        said += done.err.encode() + done.out
    patch.undo()
    assert not any(secret in said for secret in secrets)
    assert b"denies access" in said


def test_error_of_an_endpoint_that_is_not_there_says_so(run: Run, store: Store) -> None:
    done = run("count", "s3://bucket/a.txt", env={**store.env, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert done.code == 1
    assert "error: cannot read s3://bucket/a.txt" in done.err
    assert "fix: check the name, the region and the endpoint" in done.err


def test_error_without_obstore_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from gptprep.corpus.selection import select_sources
    from gptprep.errors import MissingDependencyError

    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(MissingDependencyError, match="obstore is not installed") as error:
        select_sources(["s3://bucket/a.txt"])
    assert error.value.exit_code == 4
    assert error.value.fix == "pip install obstore"
