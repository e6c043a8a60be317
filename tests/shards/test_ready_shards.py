"""Parts that become shards of the layout `tokens` as they are."""

from __future__ import annotations

import hashlib
import os
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.corpus.sources import text_source
from gptprep.errors import CorruptDataError
from gptprep.pipelines import vocab
from gptprep.pipelines.window import plan, running
from gptprep.progress import no_progress
from gptprep.shards.layout import Rows
from gptprep.shards.manifest import WindowFormat
from gptprep.shards.tokens import ColumnRows, TokensLayout
from gptprep.shards.write import ShardTask, plan_shards, write_shards
from gptprep.storage import npy
from gptprep.tokenizers import load_tokenizer
from gptprep.tokens import parts
from gptprep.tokens.spec import EncodingSpec
from gptprep.tokens.stream import TokenStream
from gptprep.windows.splits import SplitIds
from tests.helpers.folders import contents, window, window_options
from tests.helpers.slow_windows import stored_rows
from tests.helpers.verification import problems

U16 = np.dtype("<u2")


def save_parts(folder: Path, sizes: list[int]) -> SplitIds:
    """A stream of files of these sizes, whose ids are their positions, as the ids of a split."""
    (folder / "train").mkdir()
    found = []
    for number, (start, stop) in enumerate(pairwise(accumulate(sizes, initial=0))):
        path = folder / f"{number}.npy"
        np.save(path, np.arange(start, stop, dtype=U16))
        found.append((str(path), stop - start))
    TokenStream(found, U16, sum(sizes)).save(str(folder / "stream.json"))
    return SplitIds(str(folder / "stream.json"), 0, sum(sizes))


def plan_tasks(folder: Path, ids: SplitIds, most: int = 100, *, keeps_files: bool = True) -> list[ShardTask]:
    """Shards of at most `most` ids."""
    formats = TokensLayout().formats(WindowFormat(4, U16, False, 0))
    rows: dict[str, Rows] = {"shards": ColumnRows({"tokens": ids}, ids.n_ids)}
    size, files = len(npy.header((0,), U16)) + most * 2, ids.files() if keeps_files else ()
    return plan_shards(str(folder), "train", formats, rows, size, files)


@given(
    sizes=st.lists(st.integers(0, 9), max_size=8),
    first=st.integers(0, 20),
    last=st.integers(0, 20),
    most=st.integers(1, 10),
    keeps_files=st.booleans(),
)
def test_shards_hold_the_ids_of_the_split(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    first: int,
    last: int,
    most: int,
    keeps_files: bool,
) -> None:
    folder, n_ids = tmp_path_factory.mktemp("ready"), sum(sizes)
    first = min(first, n_ids)
    last = min(n_ids, first + last)
    ids, progress = SplitIds(save_parts(folder, sizes).path, first, last - first), list[int]()
    tasks = plan_tasks(folder, ids, most, keeps_files=keeps_files)
    shards = write_shards(tasks, 1, lambda *call: progress.append(call[1]))
    assert progress[-1] == (last - first) * U16.itemsize
    stored = [np.load(folder / shard.files["tokens"].file) for shard in shards]
    assert np.concatenate([*stored, np.empty(0, U16)]).tolist() == list(range(first, last))
    for shard, array in zip(shards, stored, strict=True):
        file = shard.files["tokens"]
        data = (folder / file.file).read_bytes()
        assert (file.shape, array.dtype) == ((len(array),), U16)
        assert 0 < len(array) <= most
        assert data == npy.header(array.shape, U16) + array.tobytes()
        assert file.sha256 == hashlib.sha256(data).hexdigest()
    starts = list(accumulate(sizes, initial=0))
    whole = [
        (start, stop)
        for start, stop in pairwise(starts)
        if keeps_files and first <= start < stop <= last and stop - start <= most
    ]
    assert [(first + task.start, first + task.stop) for task in tasks if task.ready] == whole


def test_part_keeps_its_name_until_the_folder_is_complete(tmp_path: Path) -> None:
    tasks = plan_tasks(tmp_path, save_parts(tmp_path, [5, 7]))
    shards = write_shards(tasks, 2, no_progress)
    for number, shard in enumerate(shards):
        assert os.path.samefile(tmp_path / f"{number}.npy", tmp_path / shard.files["tokens"].file)


def test_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    tasks = plan_tasks(tmp_path, save_parts(tmp_path, [5, 7]))
    shards = write_shards(tasks, 1, no_progress)
    assert [np.load(tmp_path / shard.files["tokens"].file).tolist() for shard in shards] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9, 10, 11],
    ]


def test_part_that_has_changed_is_refused(tmp_path: Path) -> None:
    tasks = plan_tasks(tmp_path, save_parts(tmp_path, [5, 7]))
    np.save(tmp_path / "1.npy", np.arange(6, dtype=U16))
    with pytest.raises(CorruptDataError):
        write_shards(tasks, 1, no_progress)


TEXT = "".join(f"{number} is a number, and so is {number + 1}. " for number in range(900))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"val_fraction": "0.3"},
        {"boundary": "document", "shuffle": True, "val_fraction": "0.2"},
        {"val_fraction": "0.4", "split_by": "document", "seed": 3},
        {"dtype": "int64"},
        {"shard_size": 900},
        {"val_inputs": True},
    ],
)
def test_layout_tokens_of_many_parts_has_the_windows_of_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(TEXT[number:])
    names: list[str | Path] = [tmp_path / "0.txt", tmp_path / "1.txt"]
    val = (str(tmp_path / "2.txt"),) if options.pop("val_inputs", False) else ()
    size = {"context_length": 16, "stride": 11, "workers": 2, "val_inputs": val}
    window(names, tmp_path / "pairs", **size, **options)
    monkeypatch.setattr(parts, "PART_BYTES", 5_000)
    window(names, tmp_path / "tokens", layout="tokens", **size, **options)
    assert problems(tmp_path / "tokens") == []
    for split in os.listdir(tmp_path / "pairs"):
        if (tmp_path / "pairs" / split).is_dir():
            assert stored_rows(tmp_path / "tokens", split) == stored_rows(tmp_path / "pairs", split)


def test_run_that_is_stopped_after_its_shards_have_names_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.setattr(parts, "PART_BYTES", 5_000)
    options = {"context_length": 16, "layout": "tokens"}
    n_parts = window([tmp_path / "a.txt"], tmp_path / "one", **options).parts

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(running, "write_manifest", stop)
        window([tmp_path / "a.txt"], tmp_path / "two", **options)
    assert window([tmp_path / "a.txt"], tmp_path / "two", **options).resumed == n_parts
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_corpus_has_no_more_than_about_two_thousand_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.setattr(parts, "PART_BYTES", 100)
    monkeypatch.setattr(parts, "_MOST_PARTS", 20)
    assert 10 < window([tmp_path / "a.txt"], tmp_path / "s", context_length=16).parts <= 21


def test_parts_stay_the_same_when_a_file_is_added_to_a_large_corpus() -> None:
    tokenizer = load_tokenizer("gpt2")

    def size(n_bytes: int) -> int:
        return parts.text_of_part([text_source(b"x", 1)._replace(size=n_bytes)], tokenizer)

    assert size(10 << 30) == parts.PART_BYTES
    assert size(40 << 30) == size((40 << 30) + 100_000) == 2 * parts.PART_BYTES
    assert 1000 < (1 << 40) / size(1 << 40) <= 2048


def test_parts_that_depend_on_the_engine_or_are_too_large_do_not_become_shards(tmp_path: Path) -> None:
    """The same input and options give the same shards, whatever packages are installed."""
    (tmp_path / "a.txt").write_text(TEXT)
    trained = vocab.VocabOptions(
        (str(tmp_path / "a.txt"),), output=str(tmp_path / "t.json"), kind="bpe", size=300
    )
    vocab.run(vocab.plan(trained))

    def keeps_parts(**options: Any) -> bool:
        return plan(
            window_options([tmp_path / "a.txt"], tmp_path / "s", context_length=16, **options)
        ).keeps_parts

    of_file = EncodingSpec(tokenizer=str(tmp_path / "t.json"))
    assert keeps_parts(layout="tokens")
    assert not keeps_parts(layout="tokens", encoding=of_file)
    assert not keeps_parts(layout="tokens", shard_size=1 << 20)
    assert not keeps_parts(layout="tokens", dtype="int64")
    assert not keeps_parts(layout="tokens", split_by="document", val_fraction="0.1")
    assert not keeps_parts()
