"""`vocab` on many workers, and trained BPE at the shell, against Hugging Face's library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tokenizers

from gptprep.errors import GptprepError
from gptprep.pipelines import vocab as pipeline
from gptprep.pipelines.vocab import VocabKind, VocabOptions, vocab
from tests.conftest import SAMPLES, Run

TEXT = (SAMPLES / "seven_fables.txt").read_bytes()


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_any_number_of_workers_gives_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: VocabKind
) -> None:
    (tmp_path / "large.txt").write_bytes(
        b"".join(path.read_bytes() for path in sorted(SAMPLES.iterdir())) * 2
    )
    reports = []
    for workers, size in ((1, 1 << 30), (2, 20_000), (3, 7_777)):
        monkeypatch.setattr(pipeline, "SHARE_BYTES", size)
        output = tmp_path / f"{workers}.json"
        options = VocabOptions(
            (str(SAMPLES), str(tmp_path / "large.txt")),
            str(output),
            kind,
            size=700,
            workers=workers,
        )
        report = vocab(options)
        reports.append((output.read_bytes(), report.tokens, report.distinct, report.top, report.bytes))
    assert reports[0] == reports[1] == reports[2]


def test_an_error_names_the_line_in_any_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "SHARE_BYTES", 1000)
    (tmp_path / "c.jsonl").write_bytes(b'{"text": "x"}\n' * 900 + b"{broken\n")
    for workers in (1, 2):
        options = VocabOptions((str(tmp_path / "c.jsonl"),), str(tmp_path / "v.json"), workers=workers)
        with pytest.raises(GptprepError, match=r"c\.jsonl:901 is not valid JSON"):
            vocab(options)
        assert not (tmp_path / "v.json").exists()


@pytest.mark.usefixtures("samples")
def test_a_trained_bpe_is_used_at_once(run: Run, tmp_path: Path) -> None:
    done = run("vocab", "sample_texts", "--kind", "bpe", "--size", "2000", "-o", "t.json", "--top", "3")
    assert (done.code, done.out) == (0, b"")
    assert "t.json: 2,000 tokens, 1 of them special; " in done.err
    assert "bytes a token over 82.6 KB of text" in done.err
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "t.json"))
    text = TEXT.decode()
    ids = theirs.encode(text).ids
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


@pytest.mark.usefixtures("samples")
def test_what_a_text_does_not_give(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.txt").write_text("hello hello hello")
    done = run("vocab", "small.txt", "--kind", "bpe", "--size", "5000", "-o", "t.json")
    assert done.code == 0
    assert "note: the text gives no more than 262 of 5,000 tokens" in done.err
    (tmp_path / "empty.txt").write_text("")
    for arguments, code, what in (
        (["sample_texts", "-o", "b.json"], 2, "a BPE vocabulary needs a size"),
        (["sample_texts", "-o", "b.json", "--size", "256"], 2, "cannot have 256 ids"),
        (["sample_texts", "-o", "b.json", "--size", "-5"], 2, "cannot have -5 ids"),
        (["sample_texts", "-o", "b.json", "--size", "99999999999"], 2, "cannot have 99999999999 ids"),
        (["sample_texts", "-o", "b.txt", "--size", "300"], 2, "does not end in .json"),
        (["empty.txt", "-o", "b.json", "--size", "300"], 1, "no text in empty.txt"),
        (["sample_texts", "-o", "b.json", "--size", "300", "--special-token", "a"], 2, "cannot be a special"),
    ):
        done = run("vocab", "--kind", "bpe", *arguments)
        assert (done.code, done.out) == (code, b""), arguments
        assert what in done.err, done.err
        assert not (tmp_path / "b.json").exists()


@pytest.mark.usefixtures("samples")
def test_settings_of_others_files_are_set_aside_and_named(run: Run, tmp_path: Path) -> None:
    assert run("vocab", "sample_texts", "--kind", "bpe", "--size", "500", "-o", "t.json", "-q").code == 0
    value = json.loads((tmp_path / "t.json").read_text())
    value["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    (tmp_path / "cut.json").write_text(json.dumps(value))
    plain = run("encode", "sample_texts", "-T", "t.json", "-o", "a.bin")
    cut = run("encode", "sample_texts", "-T", "cut.json", "-o", "b.bin")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert "switched off" not in plain.err
    assert "note: the file's truncation and padding are switched off" in cut.err
    assert "switched off" in run("encode", "-t", "Hello", "-T", "cut.json").err
    value["normalizer"] = {"type": "Lowercase"}
    (tmp_path / "slow.json").write_text(json.dumps(value))
    slow = run("encode", "sample_texts", "-T", "slow.json", "-o", "c.bin", "--json")
    report = json.loads(slow.out)
    assert report["engine"] == "tokenizers"
    assert "it has a normalizer" in report["engine_note"]
