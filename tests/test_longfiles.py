"""Files written from beginning to end hold what was written, whatever the system does."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep import longfiles
from gptprep.longfiles import CachedFile, DirectFile

PAGE = 4096


def write(kind: type[CachedFile] | type[DirectFile], path: Path, pieces: list[bytes]) -> None:
    file = kind(str(path))
    for piece in pieces:
        file.write(memoryview(piece))
    file.sync()
    file.close()


def pieces_of(sizes: list[int]) -> list[bytes]:
    return [bytes([number % 251]) * size for number, size in enumerate(sizes)]


@pytest.mark.parametrize("kind", [CachedFile, DirectFile])
@given(
    sizes=st.lists(
        st.one_of(st.integers(0, 300), st.sampled_from([PAGE, 2 * PAGE, 3 * PAGE + 1])), max_size=9
    )
)
def test_a_file_holds_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, kind: type[DirectFile], sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("long") / "file"
    path.write_bytes(b"what was there before" * 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(longfiles, "_CHUNK", PAGE)
        write(kind, path, pieces_of(sizes))
    assert path.read_bytes() == b"".join(pieces_of(sizes))


def test_where_the_file_system_cannot_it_goes_the_ordinary_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One refuses the flag, one takes it and refuses the write, one writes less than it is asked to."""
    real_open, real_write = os.open, os.write
    pieces = pieces_of([100, 5 * PAGE, 17, 3 * PAGE])
    refusals = 0

    def refuse_flag(path: str, flags: int, mode: int = 0o777) -> int:
        nonlocal refusals
        if flags & longfiles._DIRECT:
            refusals += 1
            raise OSError(errno.EINVAL, "Invalid argument")
        return real_open(path, flags, mode)

    def refuse_write(descriptor: int, data: memoryview) -> int:
        nonlocal refusals
        if len(data) == PAGE and not refusals:
            refusals += 1
            raise OSError(errno.EINVAL, "Invalid argument")
        return real_write(descriptor, data)

    def write_less(descriptor: int, data: memoryview) -> int:
        nonlocal refusals
        refusals += 1
        return real_write(descriptor, data[:1000] if len(data) == PAGE else data)

    monkeypatch.setattr(longfiles, "_CHUNK", PAGE)
    for name, fault in (("open", refuse_flag), ("write", refuse_write), ("write", write_less)):
        refusals = 0
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fault)
            write(DirectFile, tmp_path / fault.__name__, pieces)
        assert refusals or not longfiles._DIRECT
        assert (tmp_path / fault.__name__).read_bytes() == b"".join(pieces)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EINVAL])
def test_other_errors_are_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fail(descriptor: int, data: memoryview) -> int:
        raise OSError(code, os.strerror(code), descriptor, len(data))

    monkeypatch.setattr(longfiles, "_CHUNK", PAGE)
    file = DirectFile(str(tmp_path / "file"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(OSError, match=os.strerror(code)):
            file.write(bytes(2 * PAGE))
    file.close()
    with pytest.raises(FileNotFoundError):
        DirectFile(str(tmp_path / "nowhere" / "file"))
