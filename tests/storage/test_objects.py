"""Objects of a store: what reads give, whatever the order, and which errors are worth another attempt."""

from __future__ import annotations

import datetime
import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.storage import objects, stores
from tests.helpers import forked
from tests.helpers.object_store import seeded_faults, shared_store

DATA = random.Random(0).randbytes(5_000_000)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stores, "_FIRST_WAIT", 0.001)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    store = shared_store()
    store.put("objects", {"data": DATA, "nothing.txt": b"", "one.txt": b"1"})
    for name, value in store.env.items():
        monkeypatch.setenv(name, value)
    yield "s3://objects"
    store.proxy.fault = lambda _method, _path: ""


def reads(url: str, seed: int) -> int:
    """Read at random places, and compare with the same reads of the bytes; for a child."""
    chance, stored = random.Random(seed), objects.require_object(url)
    with objects.open_object(stored) as ours, io.BytesIO(DATA) as theirs:
        for _ in range(12):
            offset = chance.choice([chance.randrange(len(DATA) + 1), ours.tell() + chance.randrange(99_999)])
            assert ours.seek(offset) == theirs.seek(offset)
            for size in (0, chance.randrange(100), chance.randrange(3_000_000)):
                expected, found = theirs.read(size), b""
                while len(found) < len(expected):
                    found += ours.read(len(expected) - len(found))
                assert found == expected
                assert ours.tell() == theirs.tell() or not expected
        assert ours.seek(-10, io.SEEK_END) == theirs.seek(-10, io.SEEK_END)
        assert ours.read() == theirs.read()
        assert ours.read(1) == b""
    return 0


@pytest.mark.parametrize("seed", range(6))
def test_reads_give_what_is_there(bucket: str, seed: int) -> None:
    shared_store().proxy.fault = seeded_faults(seed, chance=0.2 if seed % 2 else 0.0)
    ended = forked.wait(forked.start(lambda: reads(f"{bucket}/data", seed)))
    assert ended.code == 0, ended.messages


def finds(bucket: str) -> int:
    """Find and list; for a child."""
    assert objects.find_object(f"{bucket}/none") is None
    assert objects.find_object(bucket) is None
    found = objects.find_object(f"{bucket}/one.txt")
    assert found
    assert [found] == [one for one in objects.list_objects(f"{bucket}/") if one.url == found.url]
    assert [one.size for one in objects.list_objects(f"{bucket}/")] == [len(DATA), 0, 1]
    assert objects.list_objects(f"{bucket}/one.txt/") == []
    assert objects.read_object(f"{bucket}/nothing.txt", 0) == b""
    with pytest.raises(GptprepError, match="there is no such object"):
        objects.require_object(f"{bucket}/none")
    with pytest.raises(CorruptDataError, match="too large"):
        objects.read_object(found.url, 0)
    return 0


def test_objects_are_found_and_listed(bucket: str) -> None:
    ended = forked.wait(forked.start(lambda: finds(bucket)))
    assert ended.code == 0, ended.messages


def test_attempts_end_after_some(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def request() -> None:
        tried.append(1)
        raise RuntimeError("connection reset")

    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr(stores, "_FIRST_WAIT", 0.2)
    with pytest.raises(GptprepError, match=r"cannot read s3://b/k: connection reset"):
        stores.repeated(request, "s3://b/k")
    assert len(tried) == stores._ATTEMPTS == len(waited) + 1
    assert all(wait <= most for wait, most in zip(waited, (0.2, 0.4, 0.8, 1.6, 3.2, 5, 5), strict=True))
    assert all(wait >= most / 2 for wait, most in zip(waited, (0.2, 0.4, 0.8, 1.6, 3.2, 5, 5), strict=True))


@pytest.mark.parametrize(
    ("said", "attempts"),
    [
        ("Server returned non-2xx status code: 404 Not Found: <Message>No such bucket</Message>", 1),
        ("Server returned non-2xx status code: 301 Moved Permanently", 1),
        ("Server returned non-2xx status code: 408 Request Timeout", stores._ATTEMPTS),
        ("Server returned non-2xx status code: 429 Too Many Requests", stores._ATTEMPTS),
        ("Server returned non-2xx status code: 503 Slow Down", stores._ATTEMPTS),
    ],
)
def test_only_what_may_pass_is_tried_again(said: str, attempts: int) -> None:
    tried = []

    def request() -> None:
        tried.append(1)
        raise RuntimeError(said)

    with pytest.raises(GptprepError) as error:
        stores.repeated(request, "s3://b/k")
    assert len(tried) == attempts
    assert ("No such bucket (HTTP status 404)" in error.value.why) == ("<Message>" in said)


def test_what_a_store_says_is_shown_without_queries() -> None:
    said = "error sending request for url (https://host/key?sig=secret&x=1): reset\nDebug source: secret"
    error = stores.explained(RuntimeError(said), "https://host/key")
    assert error.why == "error sending request for url (https://host/key): reset"


def test_etag_is_the_same_with_and_without_quotes() -> None:
    """Azure gives it without them in lists."""
    meta = {"size": 3, "last_modified": datetime.datetime(2026, 1, 2, 3, 4, 5, 999), "e_tag": "0x8D"}
    listed = objects._object("az://c/k", meta)
    found = objects._object("az://c/k", {**meta, "e_tag": '"0x8D"'})
    assert listed.is_same(found)
    assert listed.condition == found.condition == '"0x8D"'
    weak = objects._object("az://c/k", {**meta, "e_tag": 'W/"1"'})
    assert weak.condition is None
    assert not weak.is_same(listed)


@pytest.mark.parametrize("url", ["s3://user:word@b/k", "https://h/k?sig=word", "http://h/k#word"])
def test_url_with_credentials_is_refused_without_showing_them(url: str) -> None:
    with pytest.raises(UsageError) as error:
        stores.store_of(url)
    assert "word" not in str(error.value)
    assert "sig" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("s3://b", True),
        ("S3://b/k", True),
        ("a.txt", False),
        ("c:\\x", False),
        ("ftp://h/x", False),
        ("s3:/b", False),
    ],
)
def test_names_that_are_urls(name: str, is_one: bool) -> None:
    assert stores.is_url(name) == is_one
