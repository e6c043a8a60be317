"""Parts: the same bytes for any number of workers and any size of a part."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gptprep.choices import VocabKind
from gptprep.errors import GptprepError
from gptprep.pipelines import encode, vocab
from gptprep.pipelines import window as window_pipeline
from gptprep.pipelines.encode import EncodeOptions, EncodeReport
from gptprep.progress import Progress, no_progress
from gptprep.tokens import parts
from gptprep.tokens.id_file import IdFile
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.documents import find_sources
from tests.helpers.folders import contents, window, window_options
from tests.helpers.hugging_face import saved, trained
from tests.helpers.paths import SAMPLES


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, one file larger than all parts of these tests, and JSON Lines."""
    folder = tmp_path_factory.mktemp("parts") / "corpus"
    folder.mkdir()
    for path in SAMPLES.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "large.txt").write_bytes(b"".join(path.read_bytes() for path in sorted(SAMPLES.iterdir())) * 3)
    lines = [json.dumps({"text": text}) for text in (SAMPLES / "poem.txt").read_text().split("\n")]
    (folder / "lines.jsonl").write_text("\n".join(lines))
    return folder


def vocabulary_file(corpus: Path, kind: VocabKind, path: Path) -> str:
    """The name of a vocabulary file of the corpus."""
    vocab.run(vocab.plan(vocab.VocabOptions((str(corpus),), str(path), kind, workers=1)))
    return str(path)


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_any_number_of_workers_and_any_part_size_give_the_same_bytes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: VocabKind
) -> None:
    name = "gpt2" if kind == "bpe" else vocabulary_file(corpus, kind, tmp_path / "v.json")
    encoding = EncodingSpec(name)
    spec = {"context_length": 64, "stride": 32, "val_fraction": "0.1"}
    written = []
    for workers, size in ((1, 1 << 24), (2, 10_000), (3, 33_333), (7, 100_000), (1, 5_000)):
        monkeypatch.setattr(parts, "PART_BYTES", size)
        output = tmp_path / f"{workers}-{size}"
        window([corpus], output, encoding=encoding, shard_size=50_000, workers=workers, **spec)
        written.append(contents(output))
    assert all(other == written[0] for other in written)
    assert len(written[0]) > 10


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("name", "line", "last", "what"),
    [
        (
            "a.txt",
            b"some words\n",
            b"here <|endoftext|>\n",
            r"a.txt:901 \(byte offset 9905\): the text holds the special token",
        ),
        ("b.txt", b"some words\n", b"here \xff\n", "b.txt is not valid UTF-8: byte 0xff at offset 9905"),
        ("c.jsonl", b'{"text": "x"}\n', b"{broken\n", "c.jsonl:901 is not valid JSON"),
    ],
    ids=["special token", "invalid byte", "broken line"],
)
def test_error_in_a_part_names_the_line_of_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    line: bytes,
    last: bytes,
    what: str,
    workers: int,
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1000)
    (tmp_path / name).write_bytes(line * 900 + last)
    encoding = EncodingSpec(special="error")
    with pytest.raises(GptprepError, match=what):
        window([tmp_path / name], tmp_path / "s", context_length=8, encoding=encoding, workers=workers)
    assert not (tmp_path / "s").exists()


# A large `encode`


def run_encode(options: EncodeOptions, progress: Progress = no_progress) -> EncodeReport:
    return encode.run(encode.plan(options), progress)


@pytest.mark.parametrize("name", ["x.npy", "x.bin"])
def test_encode_in_parts_gives_the_same_bytes_as_at_once(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def written(workers: int) -> bytes:
        report = run_encode(
            EncodeOptions((str(corpus),), output=str(tmp_path / name), workers=workers, force=True)
        )
        with IdFile(str(tmp_path / name), np.dtype("<u2")) as file:
            assert report.ids == len(file)
        return (tmp_path / name).read_bytes()

    at_once = written(1)
    monkeypatch.setattr(encode, "_LARGE_INPUT", 1)
    for workers, size in ((1, 10_000), (2, 33_333), (3, 5_000)):
        monkeypatch.setattr(parts, "PART_BYTES", size)
        assert written(workers) == at_once
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, f"{name}.json"]


@pytest.mark.parametrize("end", ["", " ", " " * 50, "\u3000 \n \u2003", " two"])
def test_literal_end_of_text_at_the_end_of_a_part_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """White space has no word: a part with nothing else would not know what is before it."""
    vocabulary = {"two": 0, "one": 1, "<|endoftext|>": 2, "<|unk|>": 3}
    (tmp_path / "words.json").write_text(json.dumps(vocabulary))
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("one two " * 3 + "<|endoftext|>" + end)
    inputs = (str(tmp_path / "a.txt"), str(tmp_path / "b.txt"))
    encoding = EncodingSpec(tokenizer=str(tmp_path / "words.json"))
    monkeypatch.setattr(encode, "_LARGE_INPUT", 1)
    eot = [2, 0, 2] if end == " two" else [2]
    for size in range(1, 60):
        monkeypatch.setattr(parts, "PART_BYTES", size)
        output = str(tmp_path / "x.bin")
        run_encode(EncodeOptions(inputs, output=output, workers=1, force=True, encoding=encoding))
        expected = [1, 0] * 3 + eot + [1, 0] * 3 + (eot[:2] if end == " two" else eot)
        assert np.fromfile(output, "<u2").tolist() == expected


def test_tokenizer_that_changes_during_a_run_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    path = tmp_path / "words.json"
    path.write_text('{"one": 0, "two": 1}')
    options = window_options([tmp_path / "a.txt"], tmp_path / "s", context_length=1)
    plan = window_pipeline.plan(replace(options, encoding=EncodingSpec(str(path))))
    path.write_text('{"two": 0, "one": 1}')
    with pytest.raises(GptprepError, match=r"the tokenizer words\.json changed while it was used"):
        window_pipeline.run(plan)
    assert not (tmp_path / "s").exists()


def interrupt(_stage: str, done: int, *_: object) -> None:
    if done > 60_000:
        raise KeyboardInterrupt


def test_interrupted_large_encode_is_continued_by_the_same_command(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names() -> list[str]:
        return sorted(path.name for path in tmp_path.iterdir())

    monkeypatch.setattr(encode, "_LARGE_INPUT", 1)
    monkeypatch.setattr(parts, "PART_BYTES", 10_000)
    options = EncodeOptions((str(corpus),), output=str(tmp_path / "x.bin"), workers=1)
    with pytest.raises(KeyboardInterrupt) as caught:
        run_encode(options, interrupt)
    assert "the same command continues from there" in caught.value.__notes__[0]
    assert names() == ["x.bin.partial"]
    assert run_encode(options).resumed >= 4
    assert names() == ["x.bin", "x.bin.json"]
    fresh = EncodeOptions((str(corpus),), output=str(tmp_path / "fresh.bin"))
    assert run_encode(fresh).resumed == 0
    assert (tmp_path / "x.bin").read_bytes() == (tmp_path / "fresh.bin").read_bytes()


def test_parts_of_another_default_tokenizer_are_not_continued(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "_LARGE_INPUT", 1)
    monkeypatch.setattr(parts, "PART_BYTES", 10_000)
    options = EncodeOptions((str(corpus),), output=str(tmp_path / "x.bin"), workers=1)
    with pytest.raises(KeyboardInterrupt):
        run_encode(options, interrupt)
    words = vocabulary_file(corpus, "word", tmp_path / "words.json")
    spec = EncodingSpec(default_tokenizer=words)
    assert run_encode(replace(options, encoding=spec)).resumed == 0
    named = replace(options, encoding=EncodingSpec(words), output=str(tmp_path / "named.bin"))
    run_encode(named)
    assert (tmp_path / "x.bin").read_bytes() == (tmp_path / "named.bin").read_bytes()


def test_small_encode_removes_what_a_large_one_to_the_same_output_left(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = EncodeOptions((str(corpus),), output=str(tmp_path / "x.bin"), workers=1)
    with monkeypatch.context() as patch:
        patch.setattr(encode, "_LARGE_INPUT", 1)
        patch.setattr(parts, "PART_BYTES", 10_000)
        run_encode(options)
        with pytest.raises(KeyboardInterrupt):
            run_encode(replace(options, force=True), interrupt)
    assert (tmp_path / "x.bin.partial").exists()
    run_encode(replace(options, force=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.bin", "x.bin.json"]


def test_parts_of_a_slow_tokenizer_are_smaller(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one two"}\n' * 2000)
    sources = find_sources([str(tmp_path / "a.jsonl")])
    value = {**trained(), "normalizer": {"type": "NFKC"}}
    path = saved(value, tmp_path)
    for name, n_tasks in (("gpt2", 1), (path, 2)):
        spec = EncodingSpec(name)
        tokenizer = spec.load_tokenizer()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parts, "PART_BYTES", 160_000)
            assert len(parts.plan_tasks(sources, str(tmp_path), tokenizer, spec)) == n_tasks
        assert (tokenizer.engine == "tokenizers") == (n_tasks > 1)
