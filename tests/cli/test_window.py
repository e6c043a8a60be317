"""`gptprep window` from the shell: the windows, the plan, the report and errors."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tiktoken

from tests.helpers import book
from tests.helpers.cli import Run
from tests.helpers.folders import contents, stored_windows
from tests.helpers.paths import GOLDEN


def stream_of(texts: list[bytes], reference: tiktoken.Encoding) -> list[int]:
    """tiktoken's ids of whole documents with the end-of-text id between them."""
    stream: list[int] = []
    for text in texts:
        ids = reference.encode(text.decode(), allowed_special="all")
        stream += [50256, *ids] if stream else ids
    return stream


def test_windows_of_the_samples_are_those_of_the_book(
    run: Run, samples: Path, reference: tiktoken.Encoding, tmp_path: Path
) -> None:
    done = run("window", "sample_texts", "-o", "shards", "-L", "256", "-S", "128", "--val-fraction", "0.1")
    assert (done.code, done.out) == (0, b"")
    stream = stream_of([path.read_bytes() for path in sorted(samples.iterdir())], reference)
    boundary = len(stream) - len(stream) // 10
    for split, ids in (("train", stream[:boundary]), ("val", stream[boundary:])):
        inputs, targets = book.windows(ids, 256, 128)
        assert stored_windows(tmp_path / "shards", split, "inputs") == inputs
        assert stored_windows(tmp_path / "shards", split, "targets") == targets
    manifest = json.loads((tmp_path / "shards" / "manifest.json").read_text())
    assert (manifest["ids"], manifest["documents"], manifest["dtype"]) == (len(stream), 7, "uint16")
    assert sum(source["ids"] for source in manifest["sources"]) == len(stream) - 6
    assert manifest["sources"][-1]["path"] == "sample_texts/the_salt_clock.txt"


def test_no_id_of_a_val_target_is_in_a_train_window(run: Run, tmp_path: Path) -> None:
    each_id_once = np.arange(1000, dtype="<u2")  # an id is its place in the stream
    each_id_once.tofile(tmp_path / "ids.bin")
    assert (
        run(
            "window", "ids.bin", "-o", "s", "-L", "16", "-S", "3", "--val-fraction", "0.25", "-T", "gpt2"
        ).code
        == 0
    )
    sides = ("inputs", "targets")
    train = {n for side in sides for ids in stored_windows(tmp_path / "s", "train", side) for n in ids}
    val = {n for ids in stored_windows(tmp_path / "s", "val", "targets") for n in ids}
    assert max(train) < 750 < 751 == min(val)


def test_inputs_of_every_kind_make_one_stream(run: Run, reference: tiktoken.Encoding, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One text.")
    (tmp_path / "b.jsonl").write_text('{"text": "Two."}\n{"text": "Three."}\n')
    np.save(tmp_path / "c.npy", np.array([1, 2, 3], np.int64))
    inputs = ("a.txt", "b.jsonl", "-", "c.npy")
    done = run("window", *inputs, "-o", "s", "-L", "2", "-S", "1", "-T", "gpt2", "--json", stdin=b"Four.")
    stream = [*stream_of([b"One text.", b"Two.", b"Three.", b"Four."], reference), 50256, 1, 2, 3]
    assert stored_windows(tmp_path / "s", "train", "inputs") == book.windows(stream, 2, 1)[0]
    report = json.loads(done.out)
    assert (report["documents"], report["manifest"]["ids"]) == (5, len(stream))
    paths = [source["path"] for source in report["manifest"]["sources"]]
    assert paths == ["a.txt", "b.jsonl", "stdin", "c.npy"]


@pytest.mark.usefixtures("samples")
def test_shard_size_limits_each_file_and_does_not_change_the_windows(run: Run, tmp_path: Path) -> None:
    for name, size in (("one", "256MB"), ("many", "10KB")):
        done = run("window", "sample_texts", "-o", name, "-L", "64", "--shard-size", size, "-q")
        assert done == (0, b"", "")
    for side in ("inputs", "targets"):
        one, many = (stored_windows(tmp_path / name, "train", side) for name in ("one", "many"))
        assert one == many
    sizes = [path.stat().st_size for path in (tmp_path / "many" / "train").iterdir()]
    assert len(sizes) > 10
    assert max(sizes) <= 10_000


def test_folder_does_not_depend_on_where_it_is_written(run: Run, samples: Path, tmp_path: Path) -> None:
    assert run("window", "sample_texts", "-o", "a", "-L", "64", "-q").code == 0
    assert run("window", samples, "-o", tmp_path / "deeper" / "b", "-L", "64", "-q").code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "deeper" / "b")
    assert str(tmp_path).encode() not in b"".join(contents(tmp_path / "a").values())


@pytest.mark.parametrize(
    ("golden", "options"),
    [
        ("shards-v4", "-L 8 -S 4 --val-fraction 0.2 --shard-size 300"),
        (
            "documents-v4",
            "-L 8 -S 6 --val-fraction 0.4 --split-by document --boundary document --shuffle --seed 2 "
            "--layout tokens --shard-size 300",
        ),
    ],
)
def test_golden_shards(run: Run, tmp_path: Path, golden: str, options: str) -> None:
    """The bytes of a released format version never change; regenerate them only with a new version."""
    assert run("window", GOLDEN / "texts", "-o", "s", *options.split()).code == 0
    assert contents(tmp_path / "s") == contents(GOLDEN / golden)


def test_dry_run_says_what_would_be_written(run: Run, samples: Path, tmp_path: Path) -> None:
    plain = run("window", "sample_texts", "-o", "s", "--dry-run")
    assert (plain.code, plain.out) == (0, b"")
    assert re.search(r"82\.\d KB to read, about 29,\d+ ids, 29 windows, 118\.8 KB to write", plain.err)
    plan = json.loads(run("window", "sample_texts", "-o", "s", "--dry-run", "--json").out)
    assert not (tmp_path / "s").exists()
    n_bytes = sum(path.stat().st_size for path in samples.iterdir())
    assert (plan["estimated_windows"], plan["bytes"]) == (29, n_bytes)
    done = json.loads(run("window", "sample_texts", "-o", "s", "--json").out)
    assert plan["estimated_ids"] == done["manifest"]["ids"]  # small inputs are sampled whole


@pytest.fixture
def places(samples: Path, tmp_path: Path) -> dict[str, bytes]:
    """Creates inputs and outputs that do not work; returns what is there."""
    assert samples.parent == tmp_path
    (tmp_path / "short.txt").write_text("Hello, world.")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    np.save(tmp_path / "far.npy", np.array([1, 60_000] * 50, np.uint16))
    return contents(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
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
        (
            ["sample_texts", "-L", "8", "--shard-size", "16"],
            2,
            "has no room for a window\n  why: its header takes 128 bytes, and one window takes 16 bytes\n"
            "  fix: give --shard-size 144 or more",
        ),
        (["sample_texts", "-L", "8", "--shard-size", "144", "--dry-run"], 0, "to write"),
        (["sample_texts", "--shard-size", "lots"], 2, "'lots' is not a size"),
        (["sample_texts", "-o", "mine"], 1, "mine already exists and was not written by gptprep"),
        (["sample_texts", "-o", "mine", "--force"], 1, "mine already exists and was not written by gptprep"),
        (["sample_texts", "-o", "file"], 1, "file is a file"),
        (["sample_texts", "-o", "file/s"], 1, "cannot write file/s"),
        (["far.npy", "-L", "4", "-T", "gpt2"], 1, "far.npy holds the id 60000 at position 1"),
        (["sample_texts", "-T", "nope"], 1, "there is no tokenizer 'nope'"),
        (["sample_texts", "--special", "error"], 1, "sample_texts/seven_fables.txt:"),
    ],
)
def test_error_says_what_is_wrong_and_changes_nothing(
    run: Run, tmp_path: Path, places: dict[str, bytes], arguments: list[str], code: int, what: str
) -> None:
    done = run("window", *arguments, *([] if "-o" in arguments else ["-o", "s"]))
    assert (done.code, done.out) == (code, b"")
    assert what in done.err
    assert "Traceback" not in done.err
    assert contents(tmp_path) == places


@pytest.mark.usefixtures("samples")
def test_several_documents_need_an_end_of_text_token(run: Run, tmp_path: Path) -> None:
    assert run("vocab", "sample_texts", "-o", "v.json", "--no-special-tokens").code == 0
    done = run("window", "sample_texts", "-T", "v.json", "-o", "s", "-L", "8")
    assert (done.code, (tmp_path / "s").exists()) == (1, False)
    assert "v.json has no end-of-text token" in done.err
    assert run("window", "sample_texts/poem.txt", "-T", "v.json", "-o", "s", "-L", "8").code == 0


@pytest.mark.usefixtures("samples")
def test_only_force_replaces_existing_shards(run: Run, tmp_path: Path) -> None:
    arguments = ("window", "sample_texts", "-o", "s", "-L")
    assert run(*arguments, "64").code == 0
    before = contents(tmp_path / "s")
    done = run(*arguments, "32")
    assert (done.code, contents(tmp_path / "s")) == (1, before)
    assert "s already exists\n  fix: give --force" in done.err
    assert run(*arguments, "32", "--force").code == 0
    assert json.loads((tmp_path / "s" / "manifest.json").read_text())["context_length"] == 32
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "sample_texts"]


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Three texts, the last of which is much longer."""
    for name, count in (("a", 20), ("b", 20), ("c", 200)):
        (tmp_path / "several" / f"{name}.txt").parent.mkdir(exist_ok=True)
        (tmp_path / "several" / f"{name}.txt").write_text("one two three four " * count)
    return tmp_path / "several"


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--val-fraction", "10%"), "note: val comes from only one of 3 inputs, several/c.txt"),
        (("--val-fraction", "0.95"), "note: train comes from only one of 3 inputs, several/a.txt"),
        (("-S", "10"), "because the stride 10 is larger than the context length 4"),
    ],
    ids=["val", "train", "gaps"],
)
def test_splits_and_windows_that_surprise_are_noted(run: Run, options: tuple[str, ...], said: str) -> None:
    done = run("window", "several", "-o", "s", "-L", "4", *options)
    assert (done.code, said in done.err) == (0, True), done.err


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    "options", [("--val-fraction", "0.9"), ("--val-fraction", "0"), ("-S", "5")], ids=str
)
def test_usual_splits_and_windows_need_no_note(run: Run, options: tuple[str, ...]) -> None:
    done = run("window", "several", "-o", "s", "-L", "4", *options)
    assert (done.code, "note: " in done.err) == (0, False), done.err


def test_percentage_is_a_fraction(run: Run, several: Path, tmp_path: Path) -> None:
    for name, fraction in (("a", "0.125"), ("b", "12.5%")):
        assert run("window", several, "-o", name, "-L", "4", "--val-fraction", fraction, "-q").code == 0
    a, b = (contents(tmp_path / name) for name in "ab")
    assert a.pop("manifest.json") != b.pop("manifest.json")
    assert a == b
    done = run("window", several, "-o", "c", "--val-fraction", "100%")
    assert (done.code, "the val fraction is 100%" in done.err) == (2, True)


@pytest.mark.usefixtures("several")
def test_split_of_few_files_is_said_before_the_work(run: Run) -> None:
    options = ("--val-fraction", "0.4", "--split-by", "document", "-L", "4", "--dry-run")
    said = {run("window", "several", "-o", "s", *options, "--seed", str(seed)).err for seed in range(9)}
    assert any("note: val gets 1 of 3 files: several/" in text for text in said)
    assert any("note: val gets none of the 3 files with --seed" in text for text in said)
    plan = json.loads(run("window", "several", "-o", "s", *options, "--json").out)
    assert any("val gets" in note for note in plan["notes"])


def test_context_length_may_have_the_name_that_the_book_gives_it(run: Run, tmp_path: Path) -> None:
    for number, name in enumerate(("--context-length", "--max-length")):
        done = run("window", "-", "-o", f"w{number}", name, "3", stdin=b"one two three four five six")
        assert done.code == 0
    assert contents(tmp_path / "w0") == contents(tmp_path / "w1")
    assert b"max-length" not in run("window", "--help").out
    done = run("window", "-", "-o", "x", "--max_length", "3")
    assert "fix: did you mean --max-length?" in done.err
