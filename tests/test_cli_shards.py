"""`window` and `embed` through real processes: the windows, the errors, kills, and what is frozen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiktoken

from tests.conftest import TOP, Run
from tests.test_windows import book

GOLDEN = TOP / "tests" / "golden"


def load(shards: Path, split: str, side: str) -> list[list[int]]:
    return [
        window for path in sorted((shards / split).glob(f"{side}-*")) for window in np.load(path).tolist()
    ]


def tree(top: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()
    }


def stream_of(texts: list[bytes], truth: tiktoken.Encoding) -> list[int]:
    """tiktoken's ids of whole documents with the end-of-text id between them."""
    stream: list[int] = []
    for text in texts:
        ids = truth.encode(text.decode(), allowed_special="all")
        stream += [50256, *ids] if stream else ids
    return stream


def test_windows_of_the_samples_are_those_of_the_book(
    run: Run, samples: Path, truth: tiktoken.Encoding, tmp_path: Path
) -> None:
    done = run("window", "sample_texts", "-o", "shards", "-L", "256", "-S", "128", "--val-fraction", "0.1")
    assert (done.code, done.out) == (0, b"")
    stream = stream_of([path.read_bytes() for path in sorted(samples.iterdir())], truth)
    border = len(stream) - len(stream) // 10
    for split, ids in (("train", stream[:border]), ("val", stream[border:])):
        inputs, targets = book(ids, 256, 128)
        assert load(tmp_path / "shards", split, "inputs") == inputs
        assert load(tmp_path / "shards", split, "targets") == targets
    manifest = json.loads((tmp_path / "shards" / "manifest.json").read_text())
    assert (manifest["ids"], manifest["documents"], manifest["dtype"]) == (len(stream), 7, "uint16")
    assert sum(source["ids"] for source in manifest["sources"]) == len(stream) - 6
    assert manifest["sources"][-1]["path"] == "sample_texts/the_salt_clock.txt"


def test_no_id_of_a_val_target_is_in_a_train_window(run: Run, tmp_path: Path) -> None:
    np.arange(1000, dtype="<u2").tofile(
        tmp_path / "ids.bin"
    )  # each id once: an id is its place in the stream
    assert run("window", "ids.bin", "-o", "s", "-L", "16", "-S", "3", "--val-fraction", "0.25").code == 0
    train = {
        n for side in ("inputs", "targets") for window in load(tmp_path / "s", "train", side) for n in window
    }
    val = {n for window in load(tmp_path / "s", "val", "targets") for n in window}
    assert max(train) < 750 < 751 == min(val)


def test_inputs_of_every_kind_make_one_stream(run: Run, truth: tiktoken.Encoding, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One text.")
    (tmp_path / "b.jsonl").write_text('{"text": "Two."}\n{"text": "Three."}\n')
    np.save(tmp_path / "c.npy", np.array([1, 2, 3], np.int64))
    done = run(
        "window", "a.txt", "b.jsonl", "-", "c.npy", "-o", "s", "-L", "2", "-S", "1", "--json", stdin=b"Four."
    )
    stream = [*stream_of([b"One text.", b"Two.", b"Three.", b"Four."], truth), 50256, 1, 2, 3]
    assert load(tmp_path / "s", "train", "inputs") == book(stream, 2, 1)[0]
    report = json.loads(done.out)
    assert (report["documents"], report["manifest"]["ids"]) == (5, len(stream))
    assert [source["path"] for source in report["manifest"]["sources"]] == [
        "a.txt",
        "b.jsonl",
        "stdin",
        "c.npy",
    ]


@pytest.mark.usefixtures("samples")
def test_shards_are_bounded_and_together_the_same(run: Run, tmp_path: Path) -> None:
    for name, size in (("one", "256MB"), ("many", "10KB")):
        assert run("window", "sample_texts", "-o", name, "-L", "64", "--shard-size", size, "-q") == (
            0,
            b"",
            "",
        )
    for side in ("inputs", "targets"):
        assert load(tmp_path / "one", "train", side) == load(tmp_path / "many", "train", side)
    sizes = [path.stat().st_size for path in (tmp_path / "many" / "train").iterdir()]
    assert len(sizes) > 10
    assert max(sizes) <= 10_000


def test_the_machine_leaves_no_trace(run: Run, samples: Path, tmp_path: Path) -> None:
    assert run("window", "sample_texts", "-o", "a", "-L", "64", "-q").code == 0
    assert run("window", samples, "-o", tmp_path / "deeper" / "b", "-L", "64", "-q").code == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "deeper" / "b")
    assert str(tmp_path).encode() not in b"".join(tree(tmp_path / "a").values())


@pytest.mark.parametrize(
    ("golden", "options"),
    [
        ("shards-v3", "-L 8 -S 4 --val-fraction 0.2 --shard-size 300"),
        (
            "documents-v3",
            "-L 8 -S 6 --val-fraction 0.4 --split-by document --boundary document --shuffle --seed 2 "
            "--layout tokens --shard-size 300",
        ),
    ],
)
def test_golden_shards(run: Run, tmp_path: Path, golden: str, options: str) -> None:
    """Bytes of a released format version are frozen; regenerate them only with a new version."""
    assert run("window", GOLDEN / "texts", "-o", "s", *options.split()).code == 0
    assert tree(tmp_path / "s") == tree(GOLDEN / golden)


def test_dry_run_says_what_would_be_written(run: Run, samples: Path, tmp_path: Path) -> None:
    plain = run("window", "sample_texts", "-o", "s", "--dry-run")
    assert (plain.code, plain.out) == (0, b"")
    assert re.search(r"82\.\d KB to read, about 29,\d+ ids, 29 windows, 118\.8 KB to write", plain.err)
    plan = json.loads(run("window", "sample_texts", "-o", "s", "--dry-run", "--json").out)
    assert not (tmp_path / "s").exists()
    assert (plan["estimated_windows"], plan["bytes"]) == (
        29,
        sum(p.stat().st_size for p in samples.iterdir()),
    )
    done = json.loads(run("window", "sample_texts", "-o", "s", "--json").out)
    assert plan["estimated_ids"] == done["manifest"]["ids"]  # small inputs are sampled whole


@pytest.mark.usefixtures("samples")
def test_window_errors(run: Run, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("Hello, world.")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    np.save(tmp_path / "far.npy", np.array([1, 60_000] * 50, np.uint16))
    before = tree(tmp_path)
    for arguments, code, what in (
        (["none"], 1, "cannot read none"),
        (["empty.txt"], 1, "no text in empty.txt"),
        (
            ["short.txt"],
            1,
            "the text is too short for one window\n  why: it has 4 ids, and a window of context length 1,024",
        ),
        (["short.txt"], 1, "fix: give --context-length 3 or less, or more text"),
        (
            ["sample_texts", "-L", "4000", "--val-fraction", "0.1"],
            1,
            "the val split is too short for one window",
        ),
        (["sample_texts", "-L", "0"], 2, "the context length is 0"),
        (["sample_texts", "-S", "-2"], 2, "the stride is -2"),
        (["sample_texts", "--val-fraction", "1"], 2, "the val fraction is 1"),
        (["sample_texts", "--val-fraction", "x"], 2, "the val fraction is x"),
        (["sample_texts", "--shard-size", "1KB"], 2, "has no room for a window"),
        (["sample_texts", "--shard-size", "lots"], 2, "'lots' is not a size"),
        (["sample_texts", "-o", "mine"], 1, "mine already exists and is not gptprep's"),
        (["sample_texts", "-o", "mine", "--force"], 1, "mine already exists and is not gptprep's"),
        (["sample_texts", "-o", "file"], 1, "file is a file"),
        (["sample_texts", "-o", "file/s"], 1, "cannot write file/s"),
        (["far.npy", "-L", "4"], 1, "far.npy holds the id 60000 at position 1"),
        (["sample_texts", "-T", "nope"], 1, "there is no tokenizer 'nope'"),
        (["sample_texts", "--special", "error"], 1, "sample_texts/seven_fables.txt:"),
    ):
        done = run("window", *arguments, *([] if "-o" in arguments else ["-o", "s"]))
        assert (done.code, done.out) == (code, b""), arguments
        assert what in done.err, (arguments, done.err)
        assert "Traceback" not in done.err
        assert tree(tmp_path) == before, arguments


@pytest.mark.usefixtures("samples")
def test_several_documents_need_an_end_of_text_token(run: Run, tmp_path: Path) -> None:
    assert run("vocab", "sample_texts", "-o", "v.json", "--no-special-tokens").code == 0
    done = run("window", "sample_texts", "-T", "v.json", "-o", "s", "-L", "8")
    assert (done.code, (tmp_path / "s").exists()) == (1, False)
    assert "v.json has no end-of-text token" in done.err
    assert run("window", "sample_texts/poem.txt", "-T", "v.json", "-o", "s", "-L", "8").code == 0


@pytest.mark.usefixtures("samples")
def test_force_replaces_the_old_shards(run: Run, tmp_path: Path) -> None:
    arguments = ("window", "sample_texts", "-o", "s", "-L")
    assert run(*arguments, "64").code == 0
    before = tree(tmp_path / "s")
    done = run(*arguments, "32")
    assert (done.code, tree(tmp_path / "s")) == (1, before)
    assert "s already exists\n  fix: give --force" in done.err
    assert run(*arguments, "32", "--force").code == 0
    assert json.loads((tmp_path / "s" / "manifest.json").read_text())["context_length"] == 32
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "sample_texts"]


# embed


@pytest.mark.usefixtures("samples")
def test_embed(run: Run, tmp_path: Path) -> None:
    assert run("window", "sample_texts", "-o", "s", "-L", "64", "--val-fraction", "0.1", "-q").code == 0
    done = run("embed", "s", "-o", "e", "--dim", "8", "--seed", "123", "--device", "cpu", "--json")
    report = json.loads(done.out)
    n_windows = sum(len(load(tmp_path / "s", split, "inputs")) for split in ("train", "val"))
    assert (report["shape"], report["device"]) == ([n_windows, 64, 8], "cpu")
    import torch

    torch.manual_seed(123)
    token, position = torch.nn.Embedding(50257, 8), torch.nn.Embedding(64, 8)
    ids_NL = torch.tensor(load(tmp_path / "s", "val", "inputs"))
    expected = (token(ids_NL) + position(torch.arange(64))).detach().numpy()
    assert np.array_equal(np.load(tmp_path / "e" / "val" / "embeddings-00000.npy"), expected)
    plain = run("embed", "s", "-o", "f", "--dim", "8", "--dry-run")
    assert f"s → f: {n_windows} windows × 64 ids × 8 float32, learned positions; " in plain.err
    assert not (tmp_path / "f").exists()


@pytest.mark.usefixtures("samples")
def test_embed_errors(run: Run, tmp_path: Path) -> None:
    assert run("window", "sample_texts", "-o", "s", "-L", "64", "-q").code == 0
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "manifest.json").write_text("{")
    for arguments, code, what in (
        (["none"], 1, "none is not a shard folder\n  why: there is no such folder"),
        (["sample_texts"], 1, "sample_texts is not a shard folder\n  why: it has no manifest.json"),
        (["damaged"], 3, "is not valid JSON"),
        (["s", "--dim", "0"], 2, "--dim is 0"),
        (["s", "--split", "test"], 2, "s has no split 'test'\n  fix: it has train"),
        (["s", "--device", "cuda:7"], 1, "this machine has no device cuda:7"),
        (["s", "--device", "abacus"], 2, "'abacus' is not a device"),
        (["s", "--batch-size", "many"], 2, "--batch-size is 'many'"),
        (["s", "--position", "rotary"], 2, "Invalid value for '--position'"),
        (["s", "-o", "sample_texts"], 1, "is not gptprep's"),
    ):
        done = run("embed", *arguments, *([] if "-o" in arguments else ["-o", "e"]))
        assert (done.code, done.out) == (code, b""), arguments
        assert what in done.err, (arguments, done.err)
        assert "Traceback" not in done.err
        assert not (tmp_path / "e").exists()


@pytest.mark.usefixtures("samples")
def test_embed_without_torch_is_a_missing_extra(run: Run, tmp_path: Path) -> None:
    assert run("window", "sample_texts", "-o", "s", "-L", "64", "-q").code == 0
    (tmp_path / "w.safetensors").write_bytes(b"")
    (tmp_path / "hide" / "torch").mkdir(parents=True)
    (tmp_path / "hide" / "torch" / "__init__.py").write_text("raise ModuleNotFoundError('no', name='torch')")
    env = {"PYTHONPATH": str(tmp_path / "hide")}
    for more in ((), ("--weights", "w.safetensors")):
        done = run("embed", "s", "-o", "e", *more, env=env)
        assert (done.code, done.out) == (4, b"")
        assert "why: torch is not installed\n  fix: pip install 'gptprep[torch]'" in done.err
        assert not (tmp_path / "e").exists()
    code = "from gptprep import create_dataloader"
    command = [sys.executable, "-c", code]
    failed = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
    assert "ImportError: create_dataloader needs torch: pip install 'gptprep[torch]'" in failed.stderr


def test_each_verb_has_help_with_every_option(run: Run) -> None:
    for verb in ("inspect", "encode", "decode", "vocab", "window", "embed", "verify"):
        done = run(verb, "-h")
        assert (done.code, done.err) == (0, "")
        text = done.out.decode()
        for option in ("--json", "--quiet", "--no-color"):
            assert option in text, verb
    assert run("--version").out.startswith(b"gptprep ")
    assert b"Did you mean" in run("windw").err.encode()
