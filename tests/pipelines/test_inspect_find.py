"""Finding text in shards, against decoding everything and looking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptprep.errors import GptprepError, UsageError
from gptprep.pipelines import vocab
from gptprep.pipelines.inspect.find import FindOptions, FindReport, find
from gptprep.shards.folder import open_shards
from gptprep.tokenizers import load_tokenizer
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.folders import window
from tests.helpers.paths import SAMPLES
from tests.helpers.verification import KINDS, kind_name


def in_windows(folder: Path, split: str) -> list[tuple[bytes, int]]:
    """The text of each window, last target included, and how many ids are not padding, in stored order."""
    shards, tokenizer = open_shards(str(folder)), load_tokenizer(str(folder))
    reader = shards.windows(split)
    inputs, targets, lengths = reader.take(np.arange(len(reader)))
    found = []
    for row, last, length in zip(inputs.tolist(), targets.tolist(), lengths.tolist(), strict=True):
        found.append((tokenizer.decode([*row[:length], last[length - 1]]), length))
    return found


def text_of(folder: Path, split: str) -> bytes:
    """The text of all windows, each id once."""
    tokenizer = load_tokenizer(str(folder))
    blocks = open_shards(str(folder)).windows(split).text_order()
    ids = [token for block in blocks for token in block.ids.tolist()]
    return tokenizer.decode(ids)


def count_of(text: bytes, part: bytes) -> int:
    """How often a part occurs, also where occurrences overlap."""
    return sum(text.startswith(part, place) for place in range(len(text)))


def check(report: FindReport, folder: Path, part: bytes) -> None:
    tokenizer = load_tokenizer(str(folder))
    for split, count in report.counts.items():
        assert count == count_of(text_of(folder, split), part)
        windows = in_windows(folder, split)
        for found in report.occurrences:
            ids = [token.id for token in found.found]
            assert part in tokenizer.decode(ids)
            if found.split == split and len(found.windows) == 1:
                assert part in windows[found.windows[0]][0]


WORDS = st.sampled_from(
    ["One", " two", "thr", "ee", " ", "\n", ".", "ab", "b", "aab", "ab", "你好", "<|endoftext|>"]
)


@settings(max_examples=60)
@given(
    words=st.lists(WORDS, min_size=8, max_size=60),
    part=st.lists(WORDS, min_size=1, max_size=3),
    kind=st.sampled_from(KINDS),
    length=st.integers(1, 5),
    stride=st.integers(1, 6),
    clipped=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_all_occurrences_are_counted(
    tmp_path_factory: pytest.TempPathFactory,
    words: list[str],
    part: list[str],
    kind: dict[str, Any],
    length: int,
    stride: int,
    clipped: tuple[int, int],
) -> None:
    folder = tmp_path_factory.mktemp("find")
    (folder / "a.txt").write_text("".join(words))
    options = {**kind, "split_by": "tail", "context_length": length, "stride": min(stride, length)}
    try:
        window([folder / "a.txt"], folder / "s", **options)
    except GptprepError:  # too short for a window
        return
    text = "".join(part).encode()
    text = text[clipped[0] : max(clipped[0] + 1, len(text) - clipped[1])]
    if not text:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gptprep.shards.layout._WINDOWS_AT_A_TIME", 3)
        report = find(FindOptions(str(folder / "s"), text, most=100))
    check(report, folder / "s", text)


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
def test_every_kind_of_shards(tmp_path: Path, kind: dict[str, Any]) -> None:
    inputs: list[str | Path] = [SAMPLES / "poem.txt", SAMPLES / "seven_fables.txt", SAMPLES / "dialogue.txt"]
    window(inputs, tmp_path / "s", context_length=40, stride=30, val_fraction="0.4", seed=1, **kind)
    for text in ("the river", " the", "iver", "e", "\n\n", "I", "<|endoftext|>", "not in it at all"):
        report = find(FindOptions(str(tmp_path / "s"), text.encode(), most=5))
        check(report, tmp_path / "s", text.encode())
        assert max(len(report.occurrences), 1) <= 10


def test_text_that_is_longer_than_the_tables(tmp_path: Path) -> None:
    text = (SAMPLES / "poem.txt").read_text()
    window([SAMPLES / "poem.txt"], tmp_path / "s", context_length=40, stride=40)
    report = find(FindOptions(str(tmp_path / "s"), text[500:900].encode()))
    (found,) = report.occurrences
    assert report.counts == {"train": 1}
    assert len(found.windows) == 2


def test_context_and_place(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One two three four five six seven eight nine ten eleven twelve")
    window([tmp_path / "a.txt"], tmp_path / "s", context_length=4, stride=4)
    (found,) = find(FindOptions(str(tmp_path / "s"), b"even eight")).occurrences
    assert (found.split, found.windows, found.place) == ("train", (1,), 2)
    assert [token.token for token in found.found] == ["·seven", "·eight"]
    assert "".join(token.token for token in found.before) == "One·two·three·four·five·six"
    assert [token.token for token in found.after] == ["·nine"]


def test_occurrence_across_a_gap_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a b c d e f g h i j k l m n o p")
    window([tmp_path / "a.txt"], tmp_path / "s", context_length=2, stride=5)
    assert find(FindOptions(str(tmp_path / "s"), b"c f")).counts == {"train": 0}
    assert find(FindOptions(str(tmp_path / "s"), b"b c")).counts == {"train": 1}


def test_empty_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--find is empty"):
        find(FindOptions(str(tmp_path), b""))


def test_ids_of_words_cannot_be_searched(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six")
    vocabulary = str(tmp_path / "words.json")
    vocab.run(vocab.plan(vocab.VocabOptions((str(tmp_path / "a.txt"),), vocabulary)))
    window([tmp_path / "a.txt"], tmp_path / "s", context_length=2, encoding=EncodingSpec(vocabulary))
    with pytest.raises(GptprepError, match="text cannot be found in ids of words") as caught:
        find(FindOptions(str(tmp_path / "s"), b"two three"))
    assert caught.value.fix == f"search the text of gptprep decode {tmp_path / 's'}"
