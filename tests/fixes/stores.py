"""Errors of object stores: what is not there, what is denied, and what changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.fixes.rows import TEXT, Place, Row, Table, installed
from tests.helpers.object_store import Fault, shared_store

BUCKET = "fixes"


def run(*words: str) -> Callable[..., str]:
    """A step that runs the command line with the store; it must succeed where that is asked for."""

    def step(place: Place, *_: str) -> str:
        store = shared_store()
        store.put(BUCKET, {"a.txt": TEXT.encode(), "c/b.txt": TEXT.encode()})
        done = place.run(*words, env=store.env)
        return done.err

    return step


def put(**objects: bytes) -> None:
    """Put objects into the bucket."""
    shared_store().put(BUCKET, objects)


def succeeds(*words: str) -> Callable[..., None]:
    """A step whose run must succeed."""

    def step(place: Place, *_: str) -> None:
        done = place.run(*words, env=shared_store().env)
        assert done.code == 0, done.err

    return step


@contextmanager
def faulty(fault: Fault) -> Iterator[None]:
    """A store with a fault."""
    proxy = shared_store().proxy
    before, proxy.fault = proxy.fault, fault
    try:
        yield
    finally:
        proxy.fault = before


def denied(place: Place) -> str:
    """Read an object that the store does not give."""
    with faulty(lambda _method, _path: "403"):
        return run("encode", f"s3://{BUCKET}/a.txt")(place)


def change(place: Place) -> str:
    """Change an object when it is read for the first time."""

    def fault(method: str, path: str) -> str:
        if method == "GET" and path.endswith("a.txt"):
            shared_store().put(BUCKET, {"a.txt": b"another text"})
        return ""

    with faulty(fault):
        return run("encode", f"s3://{BUCKET}/a.txt")(place)


OBJECT = f"s3://{BUCKET}/a.txt"
TABLE: Table = {
    "corpus/folders.py": [
        Row(
            run("encode", f"s3://{BUCKET}/s"),
            "copy the folder to a local disk, and name that",
            "decode s",
            lambda place: put(
                **{
                    str(path.relative_to(place.folder)): path.read_bytes()
                    for path in (place.folder / "s").rglob("*.*")
                }
            ),
        ),
    ],
    "corpus/urls.py": [
        Row(
            lambda place: run("encode", f"http://127.0.0.1:{shared_store().port}/{BUCKET}/x.txt")(place),
            "check the URL; only one file can be named in this way",
            lambda place: succeeds("encode", f"http://127.0.0.1:{shared_store().port}/{BUCKET}/a.txt")(place),
        ),
        Row(
            run("encode", f"s3://{BUCKET}/d/"),
            "check the bucket and the name",
            succeeds("encode", f"s3://{BUCKET}/c/"),
        ),
        Row(
            run("encode", f"s3://{BUCKET}/*.md"),
            "check the pattern, and quote it",
            succeeds("encode", f"s3://{BUCKET}/*.txt"),
        ),
    ],
    "storage/objects.py": [
        Row(
            run("decode", f"s3://{BUCKET}/large.bin"),
            "write or download the file again",
            (
                "encode a.txt -o large.bin",
                lambda place: put(
                    **{name: (place.folder / name).read_bytes() for name in ("large.bin", "large.bin.json")}
                ),
                succeeds("decode", f"s3://{BUCKET}/large.bin"),
            ),
            lambda _: put(**{"large.bin": b"12", "large.bin.json": b"{" + b" " * (1 << 21)}),
        ),
        Row(
            run("decode", f"s3://{BUCKET}/a.bin"),
            "check the bucket and the name",
            succeeds("encode", OBJECT),
        ),
    ],
    "storage/stores.py": [
        Row(
            run("encode", "s3://user:word@fixes/a.txt"),
            "leave that out, and give credentials in the environment",
            succeeds("encode", OBJECT),
        ),
        Row(
            run("encode", "s3:///a.txt"),
            "write {s3://}BUCKET/NAME",
            succeeds("encode", OBJECT),
        ),
        Row(
            run("encode", "s3://no-such-bucket/a.txt"),
            "check the name, the region and the endpoint, and try again",
            succeeds("encode", OBJECT),
        ),
        Row(
            denied,
            "set its variables, such as AWS_ACCESS_KEY_ID, in the environment (docs/stores.md lists them)",
            succeeds("encode", OBJECT),
        ),
        Row(
            change,
            "run the same command again when nothing writes to it",
            succeeds("encode", OBJECT),
        ),
        Row(
            "$ PYTHONPATH=hide:$PYTHONPATH gptprep encode s3://fixes/a.txt",
            "pip install {obstore}",
            (installed, succeeds("encode", OBJECT)),
            files={"hide/obstore/__init__.py": "raise ImportError"},
        ),
    ],
}
