"""`inspect` of a corpus against slow, obvious code."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiktoken

from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError, UsageError
from gptprep.pipelines import vocab
from gptprep.pipelines.inspect import corpus, counting
from gptprep.pipelines.inspect.lengths import Bucket, DocumentLengths
from gptprep.pipelines.inspect.scripts import script_of
from gptprep.tokens.spec import EncodingSpec

PLAIN = TextOptions()
TASK_BYTES = 2000
"""So few that the sample texts are divided among many tasks."""


def inspected(*inputs: Path, text: TextOptions = PLAIN, **options: Any) -> corpus.CorpusReport:
    spec = EncodingSpec(text=text)
    chosen = corpus.CorpusOptions(tuple(map(str, inputs)), (spec,), top=10_000)
    with corpus.opened(replace(chosen, **options)) as plan:
        return corpus.run(plan)


def encoded(reference: tiktoken.Encoding, text: bytes) -> list[int]:
    return reference.encode(text.decode(), allowed_special="all")


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "TASK_BYTES", TASK_BYTES)


@pytest.mark.usefixtures("small_tasks")
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_numbers_are_those_of_the_reference(
    samples: Path, reference: tiktoken.Encoding, workers: int
) -> None:
    found = inspected(samples, workers=workers)
    texts = {path.name: path.read_bytes() for path in samples.iterdir() if path.suffix in (".txt", ".md")}
    ids = {name: encoded(reference, text) for name, text in texts.items()}
    counts = Counter(one for all_ids in ids.values() for one in all_ids)
    lengths = sorted(map(len, ids.values()))
    (of_tokenizer,) = found.tokenizers
    assert (of_tokenizer.ids, of_tokenizer.used) == (counts.total(), len(counts))
    assert (found.sources, found.documents, found.bytes) == (
        len(texts),
        len(texts),
        sum(map(len, texts.values())),
    )
    assert [(one.id, one.count) for one in found.most_frequent] == sorted(
        counts.items(), key=lambda item: (-item[1], item[0])
    )
    assert [(one.id, one.count) for one in found.rarest] == sorted(
        counts.items(), key=lambda item: (item[1], -item[0])
    )
    assert found.once == sum(n == 1 for n in counts.values())
    assert found.lengths == DocumentLengths.of(Counter(lengths))
    assert found.largest[0].ids == lengths[-1]


@pytest.mark.usefixtures("small_tasks")
@pytest.mark.parametrize("workers", [1, 3])
def test_reports_do_not_depend_on_the_number_of_workers(samples: Path, workers: int) -> None:
    text = TextOptions(separator="\n\n")
    assert inspected(samples, text=text, workers=workers) == inspected(samples, text=text, workers=2)


@pytest.mark.usefixtures("small_tasks")
@pytest.mark.parametrize("workers", [1, 3])
def test_lengths_are_those_of_documents_that_end_in_other_tasks(
    tmp_path: Path, reference: tiktoken.Encoding, workers: int
) -> None:
    texts = ["word " * n + "end" for n in (1, 3000, 0, 0, 900, 1, 2, 1500)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (tmp_path / "b.txt").write_text("more words " * 2000)
    found = inspected(tmp_path, workers=workers)
    lengths = sorted(len(encoded(reference, one.encode())) for one in [*texts, "more words " * 2000])
    assert found.lengths == DocumentLengths.of(Counter(lengths))
    assert found.documents == len(lengths)


def test_summary_of_lengths_is_exact() -> None:
    lengths = [0, 1, 1, 5, 7, 8, 100]
    found = DocumentLengths.of(Counter(lengths))
    assert (found.min, found.median, found.mean, found.max) == (0, 5, sum(lengths) / 7, 100)
    assert found.histogram[:4] == (Bucket(0, 1, 1), Bucket(1, 2, 2), Bucket(2, 4, 0), Bucket(4, 8, 2))
    assert found.histogram[4:] == (Bucket(8, 16, 1), Bucket(16, 32, 0), Bucket(32, 64, 0), Bucket(64, 128, 1))
    assert DocumentLengths.of(Counter([3, 4])).median == 3


def slow_scripts(text: bytes, ids: list[int], reference: tiktoken.Encoding) -> dict[str, tuple[int, int]]:
    """The script of each id by the character in which it starts, one after the other."""
    found: dict[str, tuple[int, int]] = {}
    start = 0
    for one in ids:
        token = reference.decode_single_token_bytes(one)
        position = start + (token[:1] == b" " and len(token) > 1)
        while text[position] & 0xC0 == 0x80:
            position -= 1
        script = script_of(ord(text[position:].decode()[0]))
        size, n = found.get(script, (0, 0))
        found[script] = (size + len(token), n + 1)
        start += len(token)
    return found


@pytest.mark.parametrize("name", ["many_scripts.txt", "the_salt_clock.txt", "seven_fables.txt"])
def test_scripts_are_those_of_slow_code(samples: Path, reference: tiktoken.Encoding, name: str) -> None:
    text = (samples / name).read_bytes()
    found = inspected(samples / name).scripts
    expected = slow_scripts(text, encoded(reference, text), reference)
    assert {one.script: (one.bytes, one.ids) for one in found.found} == expected
    assert found.sampled_bytes == len(text)


def test_scripts_are_counted_in_a_sample(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SAMPLE_BYTES", 1000)
    found = inspected(samples / "many_scripts.txt")
    assert 990 <= found.scripts.sampled_bytes <= 1000


def test_scripts_have_names_for_all_characters() -> None:
    assert script_of(ord("\u202e")) == "other"
    names = {script_of(point) for point in range(0x20, 0x3000) if unicodedata.category(chr(point)) == "Lu"}
    assert {"Latin", "Greek", "Cyrillic", "Armenian", "Georgian"} <= names


def test_tokens_that_are_not_the_text_have_no_scripts(samples: Path, tmp_path: Path) -> None:
    file = samples / "poem.txt"
    vocab.run(vocab.plan(vocab.VocabOptions(inputs=(str(file),), output=str(tmp_path / "words.json"))))
    found = inspected(file, encodings=(EncodingSpec(str(tmp_path / "words.json")),))
    assert found.scripts == corpus.Scripts(0, ())
    assert found.tokenizers[0].ids > 0


def test_several_tokenizers_have_their_own_numbers(samples: Path, tmp_path: Path) -> None:
    file = str(samples / "poem.txt")
    other = str(tmp_path / "bpe.json")
    vocab.run(vocab.plan(vocab.VocabOptions(inputs=(file,), output=other, kind="bpe", size=300)))
    specs = EncodingSpec("gpt2"), EncodingSpec(other)
    both = inspected(Path(file), encodings=specs)
    each = [inspected(Path(file), encodings=(spec,)) for spec in specs]
    assert both.tokenizers == tuple(one.tokenizers[0] for one in each)
    assert both.most_frequent == each[0].most_frequent


ReadHead = Callable[..., Any]


@pytest.fixture
def head(tmp_path: Path) -> ReadHead:
    """The tokens at the start of a text or of a file."""

    def head(text: bytes, n_tokens: int | None = None, name: str = "a.txt", **text_options: Any) -> Any:
        (tmp_path / name).write_bytes(text)
        spec = EncodingSpec(text=TextOptions(**text_options))
        with corpus.opened(corpus.CorpusOptions((str(tmp_path / name),), (spec,), n_tokens=n_tokens)) as plan:
            return corpus.head(plan)

    return head


@pytest.mark.parametrize("n_tokens", [1, 7, 5000, 40_000])
@pytest.mark.parametrize("text", ["the quick brown fox; ", "ab", "你好", "\n"])
def test_first_tokens_are_those_of_the_whole_text(
    head: ReadHead, reference: tiktoken.Encoding, text: str, n_tokens: int
) -> None:
    whole = (text * 100_000).encode()[:400_000]
    whole = whole.decode(errors="ignore").encode()
    expected = encoded(reference, whole)[:n_tokens]
    shown = head(whole, n_tokens)
    assert [one.id for one in shown.reports[0].tokens] == expected
    assert shown.is_whole == (len(expected) < n_tokens)


def test_head_of_a_large_text_is_its_first_16_kib(head: ReadHead, reference: tiktoken.Encoding) -> None:
    text = b"the quick brown fox " * 100_000
    shown = head(text)
    ids = [one.id for one in shown.reports[0].tokens]
    assert ids == encoded(reference, text[:40_000])[: len(ids)]
    assert 16_000 < shown.reports[0].bytes < 17_000
    assert not shown.is_whole


def test_head_does_not_read_the_rest(head: ReadHead) -> None:
    assert head(b"fine " * 1_000_000 + b"\xff").reports[0].tokens[0].token == "fine"


def test_small_text_is_shown_as_a_whole(head: ReadHead) -> None:
    assert head(b"one two").is_whole
    assert head(b"").is_whole
    assert not head(b"one||two", separator="||").is_whole
    assert not head(b"one \xff", errors="replace").is_whole
    assert not head(b"one \xff", errors="skip").is_whole


def test_head_of_json_lines_is_shown_on_request(head: ReadHead) -> None:
    lines = b'{"text": ""}\n{"text": "one two"}\n{"text": "three"}\n'
    assert head(lines, None, "a.jsonl") is None
    shown = head(lines, 10, "a.jsonl")
    assert [one.token for one in shown.reports[0].tokens] == ["one", "·two"]
    assert not shown.is_whole


def test_error_in_the_text_says_where(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"fine\n" * 1000 + b"\xff")
    with pytest.raises(GptprepError, match=r"a\.txt is not valid UTF-8: byte 0xff at offset 5000"):
        inspected(tmp_path)


@pytest.mark.parametrize("numbers", [{"n_tokens": -1}, {"top": -1}])
def test_negative_numbers_are_refused(samples: Path, numbers: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="is -1"):
        inspected(samples, **numbers)
