"""Files written from start to end hold what was written, whatever the system does."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.storage import writers
from gptprep.storage.writers import CachedFile, DirectFile, new_file

PAGE = 4096
SIZES = st.one_of(st.integers(0, 300), st.sampled_from([PAGE, 2 * PAGE, 3 * PAGE + 1]))


def write(kind: type[CachedFile | DirectFile], path: Path, blocks: list[bytes]) -> None:
    """Write a file block by block."""
    file = kind(new_file(str(path)))
    for block in blocks:
        file.write(memoryview(block))
    file.sync()
    file.close()


def blocks_of(sizes: list[int]) -> list[bytes]:
    """Blocks of these sizes, each of another byte."""
    return [bytes([number % 251]) * size for number, size in enumerate(sizes)]


@pytest.mark.parametrize("kind", [CachedFile, DirectFile])
@given(sizes=st.lists(SIZES, max_size=9))
def test_file_holds_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, kind: type[CachedFile | DirectFile], sizes: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / f"written by {kind.__name__}"
    path.write_bytes(b"what was there before" * 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writers, "_BUFFER_BYTES", PAGE)
        write(kind, path, blocks_of(sizes))
    assert path.read_bytes() == b"".join(blocks_of(sizes))


class Fault:
    """A file system that does less than it is asked to; `faults` counts how often."""

    def __init__(self) -> None:
        self.faults = 0
        self._fcntl, self._write = fcntl.fcntl, os.write

    def refuse_flag(self, descriptor: int, command: int, flags: int = 0) -> int:
        """`fcntl` that does not know O_DIRECT."""
        if flags & writers._O_DIRECT:
            self.faults += 1
            raise OSError(errno.EINVAL, "Invalid argument")
        return self._fcntl(descriptor, command, flags)

    def refuse_first_write(self, descriptor: int, data: memoryview) -> int:
        """`os.write` that refuses the first page."""
        if len(data) == PAGE and not self.faults:
            self.faults += 1
            raise OSError(errno.EINVAL, "Invalid argument")
        return self._write(descriptor, data)

    def write_less(self, descriptor: int, data: memoryview) -> int:
        """`os.write` that writes only the start of a page."""
        self.faults += 1
        return self._write(descriptor, data[:1000] if len(data) == PAGE else data)


@pytest.mark.parametrize(
    ("module", "function", "fault"),
    [
        (fcntl, "fcntl", Fault.refuse_flag),
        (os, "write", Fault.refuse_first_write),
        (os, "write", Fault.write_less),
    ],
)
def test_file_goes_through_the_page_cache_where_direct_io_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    function: str,
    fault: Callable[..., int],
) -> None:
    file_system, blocks = Fault(), blocks_of([100, 5 * PAGE, 17, 3 * PAGE])
    monkeypatch.setattr(writers, "_BUFFER_BYTES", PAGE)
    with monkeypatch.context() as patch:
        patch.setattr(module, function, fault.__get__(file_system))
        write(DirectFile, tmp_path / "file", blocks)
    assert file_system.faults or not writers._O_DIRECT
    assert (tmp_path / "file").read_bytes() == b"".join(blocks)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EINVAL])
def test_other_write_errors_are_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fail(descriptor: int, data: memoryview) -> int:
        raise OSError(code, os.strerror(code), descriptor, len(data))

    monkeypatch.setattr(writers, "_BUFFER_BYTES", PAGE)
    file = DirectFile(new_file(str(tmp_path / "file")))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(OSError, match=os.strerror(code)):
            file.write(bytes(2 * PAGE))
    file.close()


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        new_file(str(tmp_path / "nowhere" / "file"))
