"""Objects of a store: finding them, and reading one as a file. `stores` says how a URL names one.

A request that fails in a way that may pass is repeated. After a body that breaks off the reader goes on from
where it stopped, under the condition that the object is still the same.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from gptprep.errors import CorruptDataError, GptprepError
from gptprep.storage.stores import changed_object, repeated, store_of
from gptprep.units import MIB, size

_FIRST_REQUEST, _LARGEST_REQUEST = MIB, 16 * MIB
"""Bytes that are asked for after a seek; twice as many each time while reading goes on."""
_CHUNK_BYTES = MIB
"""Bytes of a body that are taken at a time."""


class StoredObject(NamedTuple):
    """An object as it was when it was found."""

    url: str
    size: int
    version: str
    """Its ETag, without quotes; the time of its last change if the store gives none."""
    has_etag: bool = True
    modified: int = 0
    """When it was changed last, in seconds since 1970."""

    @property
    def condition(self) -> str | None:
        """For a request that must fail if the object is another one; None if the store cannot say it."""
        return f'"{self.version}"' if self.has_etag and not self.version.startswith("W/") else None

    def is_same(self, other: StoredObject) -> bool:
        """Whether both are one version. Times may be more or less exact in different answers of a store."""
        return (self.size, self.version, self.has_etag) == (other.size, other.version, other.has_etag)


def find_object(url: str) -> StoredObject | None:
    """An object; None if there is none of this name.

    Raises:
        UsageError: the URL has a user or a query.
        GptprepError: the store cannot be reached, or denies access.
        MissingDependencyError: obstore is not installed.
    """
    store, key = store_of(url)
    if not key:
        return None
    import obstore

    try:
        return _object(url, repeated(lambda: obstore.head(store, key), url))
    except FileNotFoundError:
        return None


def require_object(url: str) -> StoredObject:
    """An object that must be there; raises as `find_object`, and if there is none."""
    if found := find_object(url):
        return found
    raise GptprepError(f"cannot read {url}", "there is no such object", "check the bucket and the name")


def read_object(url: str, max_bytes: int) -> bytes:
    """All bytes of an object; raises as `require_object`.

    Raises:
        CorruptDataError: it is larger than `max_bytes`.
    """
    stored = require_object(url)
    if stored.size > max_bytes:
        raise CorruptDataError(f"{url} is too large", f"it has more than {size(max_bytes)}")
    with open_object(stored) as file:
        return b"".join(iter(lambda: file.read(MIB), b""))


def list_objects(url: str) -> list[StoredObject]:
    """All objects below a URL that ends with `/`, in the order in which their paths would be in a folder.

    Empty objects whose names have no ending are left out: they stand for folders. Raises as `find_object`.
    """
    store, key = store_of(url)
    import obstore

    def listed() -> list[Any]:
        return [one for some in obstore.list(store, prefix=key or None) for one in some]

    top = url[: len(url) - len(key)]
    found = sorted(repeated(listed, url), key=lambda one: one["path"].encode().split(b"/"))
    return [
        _object(top + one["path"], one)
        for one in found
        if one["size"] or "." in one["path"].rpartition("/")[2]
    ]


def _object(url: str, meta: Any) -> StoredObject:
    etag, modified = meta["e_tag"], meta["last_modified"]
    version = etag.strip('"') if etag else str(int(modified.timestamp()))  # Azure's lists have no quotes
    return StoredObject(url, meta["size"], version, bool(etag), int(modified.timestamp()))


def open_object(stored: StoredObject) -> BinaryIO:
    """Open an object for reading.

    Reading raises:
        GptprepError: the object changed or vanished, or the store cannot be reached or denies access.
    """
    return cast("BinaryIO", _ObjectFile(stored))


class _ObjectFile(io.RawIOBase):
    """An object, read in requests that grow while reading goes on from one to the next."""

    def __init__(self, stored: StoredObject) -> None:
        self._stored, self._position = stored, 0
        self._store, self._key = store_of(stored.url)
        self._chunk = memoryview(b"")
        """What was received and not read yet: it starts at `_position`."""
        self._body: Iterator[Any] | None = None
        """What comes after it."""
        self._stop, self._request = 0, _FIRST_REQUEST
        """Where the request stops, and how large the next one is."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        offset += {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._stored.size}[whence]
        if offset < 0:
            raise ValueError(f"negative position {offset}")
        ahead = offset - self._position
        if 0 <= ahead <= len(self._chunk):
            self._chunk = self._chunk[ahead:]
        else:
            self._chunk, self._body, self._request = memoryview(b""), None, _FIRST_REQUEST
        self._position = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        """As many bytes as are asked for, unless the object ends: pyarrow takes fewer for the end."""
        wanted, found = sys.maxsize if size is None or size < 0 else size, bytearray()
        while len(found) < wanted and (data := super().read(min(wanted - len(found), _LARGEST_REQUEST))):
            found += data
        return bytes(found)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if not view or self._position >= self._stored.size:
            return 0
        if not self._chunk:
            self._chunk = self._received()
        n_bytes = min(len(view), len(self._chunk))
        view[:n_bytes] = self._chunk[:n_bytes]
        self._chunk = self._chunk[n_bytes:]
        self._position += n_bytes
        return n_bytes

    def _received(self) -> memoryview:
        try:
            return repeated(self._next_chunk, self._stored.url)
        except FileNotFoundError:
            raise changed_object(self._stored.url, "vanished") from None

    def _next_chunk(self) -> memoryview:
        """The next bytes, of the current request or a new one; after an error the next call asks again."""
        body, self._body = self._body, None
        if body is None or self._position == self._stop:
            body = self._requested()
        chunk = memoryview(next(body, b"")).cast("B")
        if not chunk or self._position + len(chunk) > self._stop:
            raise _WrongLengthError("the store sent another number of bytes than it was asked for")
        self._body = body
        return chunk

    def _requested(self) -> Iterator[Any]:
        """The body of a new request.

        Raises:
            GptprepError: the object is another one.
        """
        import obstore

        stored, stop = self._stored, min(self._position + self._request, self._stored.size)
        options: Any = {"range": (self._position, stop)}
        if stored.condition:
            options["if_match"] = stored.condition
        result = obstore.get(self._store, self._key, options=options)
        if not stored.is_same(_object(stored.url, result.meta)):
            raise changed_object(stored.url, "changed")
        self._stop, self._request = stop, min(2 * self._request, _LARGEST_REQUEST)
        return iter(result.stream(min_chunk_size=_CHUNK_BYTES))


class _WrongLengthError(Exception):
    """A body has too few bytes, or too many."""
