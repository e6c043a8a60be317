"""Counting: tiktoken's counts for whole documents, for any number of workers and any size of a task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiktoken

from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError
from gptprep.progress import no_report
from gptprep.tokens.counting import TASK_BYTES, Counted, count_sources
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.documents import documents, find_sources
from tests.helpers.paths import SAMPLES

SEPARATOR = "\n\n"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """The samples, a file of some megabytes, and JSON Lines."""
    folder = tmp_path_factory.mktemp("counting")
    texts = [path.read_bytes() for path in sorted(SAMPLES.iterdir())]
    (folder / "large.txt").write_bytes(b"".join(texts) * 40)
    lines = [json.dumps({"text": line, "n": 1}) for line in texts[0].decode().split("\n")]
    (folder / "lines.jsonl").write_text("\n".join(lines * 30))
    (folder / "empty.txt").touch()
    return find_sources([str(SAMPLES), str(folder)])


def counted(sources: list[Source], spec: EncodingSpec, workers: int, task_bytes: int) -> Counted:
    identity = spec.load_tokenizer().identity
    return count_sources(sources, spec, identity, workers, no_report, task_bytes)


@pytest.mark.parametrize("separator", [None, SEPARATOR])
def test_counts_are_those_of_tiktoken_for_each_document(
    corpus: list[Source], reference: tiktoken.Encoding, separator: str | None
) -> None:
    options = TextOptions(separator=separator)
    expected = []
    for source in corpus:
        texts = documents(source, options)[0]
        n_ids = sum(len(reference.encode(text.decode(), allowed_special="all")) for text in texts)
        expected.append((n_ids, len(texts), sum(map(len, texts))))
    assert max(expected)[0] > 1_000_000
    for workers, task_bytes in ((1, TASK_BYTES), (2, 100_000), (3, 77_777), (2, 1_000_000)):
        found = counted(corpus, EncodingSpec(text=options), workers, task_bytes)
        counts = [(one.counts.ids, one.counts.documents, one.text_bytes) for one in found.sources]
        assert counts == expected


@pytest.mark.parametrize("engine", ["auto", "tiktoken"])
def test_small_and_large_texts_are_counted_the_same(tmp_path: Path, engine: str) -> None:
    """A small text goes to the engine that needs no start, and is not compared with itself."""
    text = (SAMPLES / "the_salt_clock.txt").read_bytes()
    spec, ids = EncodingSpec(engine=engine), []  # type: ignore[arg-type]
    for name, times in (("small.txt", 1), ("large.txt", 50)):
        (tmp_path / name).write_bytes(text * times)
        found = counted(find_sources([str(tmp_path / name)]), spec, 1, TASK_BYTES)
        ids.append(found.sources[0].counts.ids)
        assert (found.cross_checked > 0) == (engine == "auto" and times > 1)
    assert ids[1] == 50 * ids[0]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("name", "line", "last", "what"),
    [
        ("a.txt", b"some words\n", b"<|endoftext|>\n", r"a\.txt:901 \(byte offset 9900\): the text holds"),
        ("b.txt", b"some words\n", b"here \xff\n", r"b\.txt is not valid UTF-8: byte 0xff at offset 9905"),
        ("c.jsonl", b'{"text": "x"}\n', b"{broken\n", r"c\.jsonl:901 is not valid JSON"),
    ],
    ids=["special token", "invalid byte", "broken line"],
)
def test_error_in_any_task_names_the_line_of_the_file(
    tmp_path: Path, name: str, line: bytes, last: bytes, what: str, workers: int
) -> None:
    (tmp_path / name).write_bytes(line * 900 + last)
    with pytest.raises(GptprepError, match=what):
        counted(find_sources([str(tmp_path / name)]), EncodingSpec(special="error"), workers, 1000)


def test_progress_ends_with_all_bytes(corpus: list[Source]) -> None:
    spec, seen = EncodingSpec(), list[tuple[int, ...]]()
    size = sum(source.size or 0 for source in corpus)
    identity = spec.load_tokenizer().identity
    count_sources(corpus, spec, identity, 2, lambda *report: seen.append(report), 500_000)
    assert sum(done for done, *_ in seen) == size


def test_tokenizer_that_changed_since_the_plan_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "words.json").write_text('{"one": 0, "two": 1}')
    spec = EncodingSpec(str(tmp_path / "words.json"))
    identity = spec.load_tokenizer().identity
    sources = find_sources([str(tmp_path / "a.txt")])
    assert count_sources(sources, spec, identity, 1, no_report).sources[0][0].ids == 2
    (tmp_path / "words.json").write_text('{"two": 0, "one": 1}')
    with pytest.raises(GptprepError, match=r"the tokenizer words\.json changed while it was used"):
        count_sources(sources, spec, identity, 1, no_report)
