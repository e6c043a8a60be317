"""`count` from Python: each source, the total, several tokenizers, and files of ids."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import tiktoken

from gptprep.errors import GptprepError, UsageError
from gptprep.pipelines import count, encode
from gptprep.pipelines.count import CountOptions, CountReport
from gptprep.pipelines.encode import EncodeOptions, TextOptions
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.folders import contents
from tests.helpers.paths import SAMPLES


def counted(*inputs: str | Path, **options: Any) -> CountReport:
    """The report of a count."""
    return count.run(count.plan(CountOptions(tuple(map(str, inputs)), **options)))


@pytest.fixture
def words(tmp_path: Path) -> str:
    """A tokenizer of a few words without an end-of-text token."""
    (tmp_path / "words.json").write_text('{"one": 0, "two": 1, "three": 2}')
    return str(tmp_path / "words.json")


def test_samples_have_the_ids_that_tiktoken_gives(reference: tiktoken.Encoding, samples: Path) -> None:
    before = contents(samples)
    report = counted(samples)
    assert [source.path for source in report.sources] == [str(path) for path in sorted(samples.iterdir())]
    for source in report.sources:
        data = Path(source.path).read_bytes()
        n_ids = len(reference.encode(data.decode(), allowed_special="all"))
        assert (source.ids, source.bytes, source.documents) == ((n_ids,), len(data), 1)
        assert source.bytes_per_id == (round(len(data) / n_ids, 4),)
    assert contents(samples) == before


def test_lines_add_up_to_the_total_and_encode_counts_the_same(samples: Path) -> None:
    (samples / "lines.jsonl").write_text('{"text": "one"}\n\n{"text": ""}\n{"text": "two words"}\n')
    report, inputs = counted(samples), (str(samples),)
    for name in ("bytes", "documents", "empty"):
        assert getattr(report.total, name) == sum(getattr(source, name) for source in report.sources)
    assert report.total.ids == (sum(source.ids[0] for source in report.sources),)
    same = encode.run(encode.plan(EncodeOptions(inputs, count_only=True)), out=io.BytesIO())
    assert (report.total.ids[0], report.total.documents) == (same.ids, same.documents)
    for source, other in zip(report.sources, same.sources, strict=True):
        assert (source.ids[0], source.documents) == (other.ids, other.documents)


def test_bytes_are_those_of_the_text_in_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"url": "x" * 1000, "text": "über"}))
    (tmp_path / "b.txt").write_bytes("über".encode("latin-1"))
    assert counted(tmp_path / "a.jsonl").total.bytes == 5
    latin = EncodingSpec(text=TextOptions("latin-1"))
    assert counted(tmp_path / "b.txt", encoding=latin).total.bytes == 5
    separated = EncodingSpec(text=TextOptions(separator="||"))
    (tmp_path / "c.txt").write_text("one||two||")
    assert (counted(tmp_path / "c.txt", encoding=separated).total[2:5]) == (6, 2, (2,))


def test_each_tokenizer_counts_all_sources(tmp_path: Path, words: str) -> None:
    (tmp_path / "a.txt").write_text("one two three")
    (tmp_path / "b.txt").write_text("three two one two")
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    report = counted(*paths, tokenizers=("gpt2", words))
    assert [one.name for one in report.tokenizers] == ["gpt2", "words.json"]
    alone = [counted(*paths, tokenizers=(name,)) for name in ("gpt2", words)]
    for number, source in enumerate(report.sources):
        assert source.ids == (alone[0].sources[number].ids[0], alone[1].sources[number].ids[0])
    assert report.total.ids == (alone[0].total.ids[0], 7)


def test_more_tokenizers_than_are_kept_in_memory(tmp_path: Path) -> None:
    names = []
    for number in range(6):
        names.append(str(tmp_path / f"{number}.json"))
        Path(names[-1]).write_text(json.dumps({"one": 0, "two": 1, f"w{number}": 2}))
    (tmp_path / "a.txt").write_text("one two " * 5000)
    report = counted(tmp_path / "a.txt", tokenizers=tuple(names), task_bytes=10_000, workers=2)
    assert report.total.ids == (10_000,) * 6


def test_tokenizers_of_one_name_are_called_by_their_paths(tmp_path: Path, words: str) -> None:
    (tmp_path / "a").mkdir()
    other = str(tmp_path / "a" / "words.json")
    Path(other).write_text('{"one": 0, "two": 1}')
    (tmp_path / "a.txt").write_text("one two")
    report = counted(tmp_path / "a.txt", tokenizers=(words, other, "gpt2"))
    assert [one.name for one in report.tokenizers] == [words, other, "gpt2"]


def test_sort_puts_most_ids_first_and_keeps_the_order_of_equal_ones(tmp_path: Path) -> None:
    for name, text in (("a", "one"), ("b", "one two three"), ("c", "two"), ("d", "one two")):
        (tmp_path / f"{name}.txt").write_text(text)
    report = counted(tmp_path, sort=True)
    assert [Path(source.path).stem for source in report.sources] == ["b", "d", "a", "c"]
    assert report.total.ids == (7,)


def write_ids(text: str, path: Path, tokenizer: str) -> None:
    """A file of ids with its provenance."""
    options = EncodeOptions(texts=(text.encode(),) * 2, output=str(path), encoding=EncodingSpec(tokenizer))
    encode.run(encode.plan(options))


def test_ids_are_counted_with_the_tokenizer_that_made_them(tmp_path: Path, words: str) -> None:
    Path(words).write_text('{"one": 0, "two": 1, "<|endoftext|>": 2}')
    write_ids("one two", tmp_path / "x.npy", words)
    report = counted(tmp_path / "x.npy")
    assert report.tokenizers[0].name == "words.json"
    (source,) = report.sources
    assert (source.ids, source.bytes, source.documents, source.kind) == ((5,), 10, 2, "ids")
    assert source.bytes_per_id == report.total.bytes_per_id == (None,)
    (tmp_path / "a.txt").write_text("one two one")
    assert counted(tmp_path / "x.npy", tmp_path / "a.txt").total.ids == (8,)
    with pytest.raises(GptprepError, match=r"x\.npy was not made with the tokenizer gpt2"):
        counted(tmp_path / "x.npy", tokenizers=("gpt2",))
    with pytest.raises(UsageError, match="holds ids, and --tokenizer is given 2 times") as caught:
        counted(tmp_path / "x.npy", tokenizers=("gpt2", words))
    assert caught.value.fix == "give one --tokenizer, or count the text that they were made of"


def test_large_file_of_ids_is_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gptprep.tokens import counting

    write_ids("one two three " * 1000, tmp_path / "x.bin", "gpt2")
    at_once = counted(tmp_path / "x.bin")
    monkeypatch.setattr(counting, "_TASK_IDS", 700)
    assert counted(tmp_path / "x.bin", workers=2).sources == at_once.sources
    assert at_once.total.documents == 2


def test_nothing_is_a_count_of_0_and_no_input_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.bin").touch()
    report = counted(tmp_path / "a.txt", tmp_path / "b.bin", tokenizers=("gpt2",))
    assert [source.ids for source in report.sources] == [(0,), (0,)]
    assert report.total[2:6] == (0, 0, (0,), (None,))
    with pytest.raises(UsageError, match="there is nothing to count"):
        counted()


def test_special_tokens_and_invalid_text_follow_their_options(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a<|endoftext|>b\xff")
    replaced = EncodingSpec(text=TextOptions(errors="replace"))
    report = counted(tmp_path / "a.txt", encoding=replaced)
    assert (report.total.ids, report.total.replaced) == ((4,), 1)
    assert report.tokenizers[0].special_tokens[0].id == 50256
    skipped = counted(tmp_path / "a.txt", encoding=EncodingSpec(text=TextOptions(errors="skip")))
    assert (skipped.total.ids, skipped.total.skipped) == ((0,), 1)
    with pytest.raises(GptprepError, match="is not valid UTF-8"):
        counted(SAMPLES / "poem.txt", tmp_path / "a.txt")


def test_counting_needs_no_fingerprint_of_a_file(tmp_path: Path, words: str) -> None:
    """It takes as long to compute as the engine takes to load."""
    (tmp_path / "a.txt").write_text("one two")
    assert counted(tmp_path / "a.txt", tokenizers=(words,)).sources[0].ids == (2,)
    assert "fingerprint" not in EncodingSpec(words).load_tokenizer().__dict__
