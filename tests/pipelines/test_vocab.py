"""`vocab`: any number of workers, and a trained BPE that other verbs and Hugging Face's library use."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from gptprep.choices import VocabKind
from gptprep.errors import GptprepError
from gptprep.pipelines import vocab
from gptprep.pipelines.vocab import VocabOptions
from tests.helpers.cli import Run
from tests.helpers.hugging_face import trained
from tests.helpers.paths import SAMPLES

TEXT = (SAMPLES / "seven_fables.txt").read_bytes()


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_any_number_of_workers_gives_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: VocabKind
) -> None:
    large = tmp_path / "large.txt"
    large.write_bytes(b"".join(path.read_bytes() for path in sorted(SAMPLES.iterdir())) * 2)
    inputs, outcomes = (str(SAMPLES), str(large)), []
    for workers, size in ((1, 1 << 30), (2, 20_000), (3, 7_777)):
        monkeypatch.setattr(vocab, "TASK_BYTES", size)
        output = tmp_path / f"{workers}.json"
        options = VocabOptions(inputs, str(output), kind, size=700, workers=workers)
        report = vocab.run(vocab.plan(options))
        outcomes.append((output.read_bytes(), report.tokens, report.distinct, report.top, report.bytes))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.parametrize("workers", [1, 2])
def test_error_in_any_task_names_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(vocab, "TASK_BYTES", 1000)
    (tmp_path / "c.jsonl").write_bytes(b'{"text": "x"}\n' * 900 + b"{broken\n")
    options = VocabOptions((str(tmp_path / "c.jsonl"),), str(tmp_path / "v.json"), workers=workers)
    with pytest.raises(GptprepError, match=r"c\.jsonl:901 is not valid JSON"):
        vocab.run(vocab.plan(options))
    assert not (tmp_path / "v.json").exists()


# A trained BPE at the shell


@pytest.mark.usefixtures("samples")
def test_trained_bpe_is_used_by_every_verb_and_by_hugging_face(run: Run, tmp_path: Path) -> None:
    done = run("vocab", "sample_texts", "--kind", "bpe", "--size", "2000", "-o", "t.json", "--top", "3")
    assert (done.code, done.out) == (0, b"")
    assert "t.json: 2,000 tokens, 1 of them special; " in done.err
    assert "bytes per token in 82.6 KB of text" in done.err
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "t.json"))
    text = TEXT.decode()
    ids = library.encode(text).ids
    assert len(ids) < 0.5 * len(TEXT)
    for engine in ("auto", "tiktoken", "gigatoken"):
        encoded = run("encode", "sample_texts/seven_fables.txt", "-T", "t.json", "--engine", engine)
        assert [int(token) for token in encoded.out.split()] == ids
    assert run("decode", "-T", "t.json", "-", stdin=" ".join(map(str, ids)).encode()).out == TEXT
    assert run("window", "sample_texts", "-T", "t.json", "-o", "s", "-L", "64", "-q").code == 0
    manifest = json.loads((tmp_path / "s" / "manifest.json").read_text())
    assert (manifest["tokenizer"]["n_vocab"], manifest["tokenizer"]["eot"]) == (2000, 1999)
    tokens = run("inspect", "-t", "The tide<|endoftext|>", "-T", "t.json").out.decode()
    assert "<|endoftext|>" in tokens
    assert "1999" in tokens


def test_text_with_few_pairs_gives_a_note(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.txt").write_text("hello hello hello")
    done = run("vocab", "small.txt", "--kind", "bpe", "--size", "5000", "-o", "t.json")
    assert done.code == 0
    assert "note: the text gives only 5 merges, so 262 tokens; 5,000 tokens were asked for\n" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["a.txt", "-o", "b.json"], 2, "a BPE vocabulary needs a size"),
        (["a.txt", "-o", "b.json", "--size", "256"], 2, "cannot have 256 ids"),
        (["a.txt", "-o", "b.json", "--size", "-5"], 2, "cannot have -5 ids"),
        (["a.txt", "-o", "b.json", "--size", "99999999999"], 2, "cannot have 99999999999 ids"),
        (["a.txt", "-o", "b.txt", "--size", "300"], 2, "does not end in .json"),
        (["empty.txt", "-o", "b.json", "--size", "300"], 1, "no text in empty.txt"),
        (["a.txt", "-o", "b.json", "--size", "300", "--special-token", "a"], 2, "cannot be a special"),
    ],
)
def test_impossible_bpe_is_refused(
    run: Run, tmp_path: Path, arguments: list[str], code: int, what: str
) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT)
    (tmp_path / "empty.txt").write_text("")
    done = run("vocab", "--kind", "bpe", *arguments)
    assert (done.code, done.out) == (code, b"")
    assert what in done.err, done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "empty.txt"]


def save(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(trained(500) | changes))


@pytest.mark.usefixtures("samples")
def test_ignored_truncation_is_named(run: Run, tmp_path: Path) -> None:
    truncation = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    save(tmp_path / "t.json")
    save(tmp_path / "truncating.json", truncation=truncation)
    plain = run("encode", "sample_texts", "-T", "t.json", "-o", "a.bin")
    truncating = run("encode", "sample_texts", "-T", "truncating.json", "-o", "b.bin")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert "ignored" not in plain.err
    assert "note: the file's truncation and padding are ignored" in truncating.err
    assert "ignored" in run("encode", "-t", "Hello", "-T", "truncating.json").err


@pytest.mark.usefixtures("samples")
def test_reason_for_the_slower_engine_is_in_the_report(run: Run, tmp_path: Path) -> None:
    save(tmp_path / "slow.json", normalizer={"type": "Lowercase"})
    slow = run("encode", "sample_texts", "-T", "slow.json", "-o", "c.bin", "--json")
    report = json.loads(slow.out)
    assert report["engine"] == "tokenizers"
    assert "it has a normalizer" in report["engine_note"]
