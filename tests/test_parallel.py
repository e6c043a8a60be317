"""Stretches, parts and workers: the same bytes however the work is shared."""

from __future__ import annotations

import gc
import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptprep.corpus import Tally, TextOptions, exact_stretch, find_sources, plan_stretches, read_pieces
from gptprep.errors import GptprepError
from gptprep.executors import local
from gptprep.pipelines import parts
from gptprep.pipelines.encode import EncodeOptions, encode
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import run_window
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.bpe import BpeTokenizer
from gptprep.tokenstore import IdsFile
from tests.conftest import SAMPLES, TOP, Run
from tests.test_cli_shards import tree
from tests.test_tokenizers_bpe import PATTERNS, TEXTS, pair_ranks

GPT2 = load_tokenizer("gpt2", engine="tiktoken")


def documents(
    path: Path, options: TextOptions, size: int, tokenizer: Tokenizer
) -> tuple[list[list[int]], Tally]:
    """The ids of each document of a file that is cut into stretches of about `size` bytes."""
    tally, found, ids = Tally(), [], list[int]()
    for stretch in plan_stretches(find_sources([str(path)]), options, size):
        exact = exact_stretch(stretch, options, tokenizer.first_cut)
        for piece in read_pieces(exact, options, tokenizer.last_cut, tally, 1 << 20):
            ids += tokenizer.encode(piece.text.decode())
            if piece.last:
                found.append(ids)
                ids = []
    assert ids == []
    return found, tally


@pytest.fixture(scope="module", params=PATTERNS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    special_tokens = {"<|endoftext|>": 256 + (1 << 16)}
    return BpeTokenizer(request.param, pair_ranks(), "", PATTERNS[request.param], special_tokens, "allow")


@given(text=TEXTS, size=st.integers(1, 30))
def test_stretches_give_the_ids_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, text: str, size: int
) -> None:
    path = tmp_path_factory.mktemp("stretches") / "a.txt"
    path.write_bytes(text.encode())
    whole, _ = documents(path, TextOptions(), 1 << 30, tokenizer)
    assert documents(path, TextOptions(), size, tokenizer)[0] == whole
    assert whole == ([tokenizer.encode(text)] if text else [])


@given(
    data=st.binary(max_size=60),
    size=st.integers(1, 30),
    errors=st.sampled_from(["replace", "strict", "skip"]),
)
@pytest.mark.parametrize("separator", [None, "|", "<>", "\n\n", "a b", "\n"])
def test_separators_and_bad_bytes_are_where_they_are_in_the_whole(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int, errors: str, separator: str | None
) -> None:
    path = tmp_path_factory.mktemp("stretches") / "a.txt"
    path.write_bytes(
        data.replace(b"\x01", b"|").replace(b"\x02", b"<>").replace(b"\x03", b"\n\n").replace(b"\x04", b"a b")
    )
    options = TextOptions(errors=errors, separator=separator)  # type: ignore[arg-type]
    outcomes = []
    for stretch_size in (1 << 30, size):
        try:
            outcomes.append(documents(path, options, stretch_size, GPT2))
        except GptprepError as error:
            outcomes.append(error.what)  # type: ignore[arg-type]
    assert outcomes[0] == outcomes[1]


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=9),
    size=st.integers(1, 40),
)
def test_json_lines_are_cut_between_lines(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], size: int
) -> None:
    path = tmp_path_factory.mktemp("stretches") / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    assert documents(path, TextOptions(), size, GPT2)[0] == [GPT2.encode(text) for text in texts if text]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The samples and one file larger than a part of the tests'."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for path in SAMPLES.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "large.txt").write_bytes(b"".join(path.read_bytes() for path in sorted(SAMPLES.iterdir())) * 3)
    lines = [json.dumps({"text": text}) for text in (SAMPLES / "poem.txt").read_text().split("\n")]
    (folder / "lines.jsonl").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("tokenizer_name", ["gpt2", "word", "char"])
def test_any_number_of_workers_and_any_part_size_give_the_same_bytes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer_name: str
) -> None:
    name = tokenizer_name
    if name != "gpt2":
        name = str(tmp_path / f"{name}.json")
        command = [
            sys.executable,
            "-m",
            "gptprep",
            "vocab",
            str(corpus),
            "-o",
            name,
            "--kind",
            tokenizer_name,
            "-q",
        ]
        subprocess.run(command, check=True, cwd=TOP)
    trees = []
    for workers, size in ((1, 1 << 24), (2, 10_000), (3, 33_333), (7, 100_000), (1, 5_000)):
        monkeypatch.setattr(parts, "PART_BYTES", size)
        output = tmp_path / f"{workers}-{size}"
        options = WindowOptions(
            (str(corpus),), str(output), 64, 32, "0.1", shard_size=50_000, tokenizer=name, workers=workers
        )
        run_window(plan_window(options))
        trees.append(tree(output))
    assert all(other == trees[0] for other in trees)
    assert len(trees[0]) > 10


def test_errors_in_a_stretch_name_the_line_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1000)
    (tmp_path / "a.txt").write_bytes(b"some words\n" * 900 + b"here <|endoftext|>\n")
    (tmp_path / "b.txt").write_bytes(b"some words\n" * 900 + b"here \xff\n")
    (tmp_path / "c.jsonl").write_bytes(b'{"text": "x"}\n' * 900 + b"{broken\n")
    for name, what in (
        ("a.txt", r"a.txt:901 \(byte offset 9905\): the text holds the special token"),
        ("b.txt", "b.txt is not valid UTF-8: byte 0xff at offset 9905"),
        ("c.jsonl", "c.jsonl:901 is not valid JSON"),
    ):
        for workers in (1, 2):
            options = WindowOptions(
                (str(tmp_path / name),), str(tmp_path / "s"), 8, special="error", workers=workers
            )
            with pytest.raises(GptprepError, match=what):
                run_window(plan_window(options))
            assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("name", ["x.npy", "x.bin"])
def test_large_inputs_are_encoded_to_the_same_numbers(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def written(name: str, workers: int) -> bytes:
        options = EncodeOptions((str(corpus),), output=str(tmp_path / name), workers=workers, force=True)
        report = encode(options)
        with IdsFile(str(tmp_path / name), np.dtype("<u2")) as file:
            assert report.ids == len(file)
        return (tmp_path / name).read_bytes()

    at_once = written(name, 1)
    monkeypatch.setattr("gptprep.pipelines.encode._MANY_WORKERS", 1)
    for workers, size in ((1, 10_000), (2, 33_333), (3, 5_000)):
        monkeypatch.setattr(parts, "PART_BYTES", size)
        assert written(name, workers) == at_once
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", name]


def test_a_large_encode_goes_on_where_it_was_stopped(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptprep.pipelines.encode._MANY_WORKERS", 1)
    monkeypatch.setattr(parts, "PART_BYTES", 10_000)
    options = EncodeOptions((str(corpus),), output=str(tmp_path / "x.bin"), workers=1)

    def interrupt(stage: str, done: int, total: int | None, unit: str) -> None:  # noqa: ARG001
        if done > 50_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        encode(options, progress=interrupt)
    assert "the same command goes on from there" in caught.value.__notes__[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "x.bin.partial"]
    assert encode(options).resumed >= 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "x.bin"]
    with pytest.raises(KeyboardInterrupt):
        encode(replace(options, force=True), progress=interrupt)
    monkeypatch.setattr("gptprep.pipelines.encode._MANY_WORKERS", 1 << 30)  # a small run to the same output
    encode(replace(options, force=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "x.bin"]
    fresh = EncodeOptions((str(corpus),), output=str(tmp_path / "fresh.bin"))
    assert encode(fresh).resumed == 0
    assert (tmp_path / "x.bin").read_bytes() == (tmp_path / "fresh.bin").read_bytes()


@pytest.mark.parametrize("verb", ["window", "vocab", "encode"])
def test_a_pipe_beside_a_file_is_never_read_twice(run: Run, tmp_path: Path, verb: str) -> None:
    """The second time it would be empty, and its error forgotten."""
    (tmp_path / "a.txt").write_text("some words " * 100)
    output = {"window": ["-o", "s", "-L", "8"], "vocab": ["-o", "v.json"], "encode": ["-o", "x.bin"]}[verb]
    done = run(verb, "-", "a.txt", *output, stdin=b"bad \xff\n")
    assert done.code == 1
    assert "standard input is not valid UTF-8: byte 0xff at offset 4" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_the_work_of_a_stopped_run_is_no_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data" / "out.partial" / "parts").mkdir(parents=True)
    (tmp_path / "data" / "out.partial" / ".gptprep-partial").touch()
    for path in (tmp_path / "data", tmp_path / "data" / "out.partial" / "parts"):
        (path / "a.txt").write_text("some words")
    for name in ("data", "data/**/*.txt"):
        assert run("encode", name, "--count").out == b"2\n"


# Workers


def double(number: int) -> int:
    if number == 13:
        raise GptprepError("thirteen")
    if number == 666:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(workers: int) -> None:
    assert list(local.run(double, list(range(10)), workers)) == list(range(0, 20, 2))
    assert list(local.run(double, [], workers)) == []
    with pytest.raises(GptprepError, match="thirteen"):
        list(local.run(double, [1, 13, 2], workers))


def test_a_worker_that_dies_is_an_error() -> None:
    with pytest.raises(GptprepError, match="a worker process died"):
        list(local.run(double, [1, 666, 2, 3], 2))


def die_amid_an_answer(number: int) -> int:
    """A worker that is killed when half of its answer is in the pipe."""
    if number:
        time.sleep(600)
    for queue in gc.get_objects():
        if isinstance(queue, SimpleQueue) and not queue._writer.closed:  # type: ignore[attr-defined]
            os.write(queue._writer.fileno(), struct.pack("!i", 1_000) + b"half")  # type: ignore[attr-defined]
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_worker_that_dies_amid_its_answer_is_an_error() -> None:
    with pytest.raises(GptprepError, match="a worker process died"):
        list(local.run(die_amid_an_answer, [0, 1], 2))


def children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(child) for child in listed.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_no_worker_outlives_its_parent(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "a.txt").write_bytes(
        rng.integers(97, 123, 60_000_000, np.uint8).tobytes().replace(b"q", b" ")
    )
    command = [
        sys.executable,
        "-m",
        "gptprep",
        "window",
        "a.txt",
        "-o",
        "s",
        "--workers",
        "2",
        "--engine",
        "tiktoken",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        while len(workers := children(process.pid)) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(sent)
        process.communicate()
    assert process.returncode == code
    for _ in range(100):
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            break
        time.sleep(0.05)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert not (tmp_path / "s").exists()
