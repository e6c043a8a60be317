"""Errors of the verbs: options that do not fit the files."""

from __future__ import annotations

import io
import json
from unittest import mock

from gptprep.pipelines import decode, encode, window
from gptprep.pipelines.window import WindowOptions, planning
from gptprep.tokenizers import load_tokenizer
from tests.fixes.rows import TEXT, Place, Row, Table, each

_WEIGHTS = (
    "embed s -o made --dim 8",
    "$ mv made/weights.safetensors w.safetensors; rm -r made",
)
"""Makes a file of weights that fits the shards."""
_NO_EOT = "vocab a.txt -o n.json --no-special-tokens"


def many_words(place: Place) -> None:
    """A vocabulary that has more than 65,536 ids."""
    words = [*TEXT.split(), *(f"w{n}" for n in range(70_000))]
    (place.folder / "many.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))


def decode_to_nothing(_: Place) -> None:
    decode.run(decode.plan(decode.DecodeOptions((1, 2), "-")))


def encode_to_nothing(_: Place) -> None:
    encode.run(encode.plan(encode.EncodeOptions(texts=(b"one",))))


def encode_nothing(_: Place) -> None:
    encode.plan(encode.EncodeOptions())


def window_nothing(place: Place) -> None:
    window.plan(WindowOptions((), str(place.folder / "w")))


def window_as_bytes(_: Place) -> None:
    planning._dtype("uint8", load_tokenizer("gpt2"))  # type: ignore[arg-type]


def long_line(place: Place) -> None:
    """Read JSON with a line that is too long."""
    path = place.folder / "b.jsonl"
    path.write_text('{"ids": [1, 2, 3]}')
    with mock.patch("gptprep.pipelines.id_text._MAX_LINE", 9):
        decode.run(decode.plan(decode.DecodeOptions((), str(path), "gpt2")), out=io.BytesIO())


def another_seed(place: Place, option: str) -> None:
    """Give other seeds until each split has a document."""
    line = "window b.txt a.txt -o w -L 2 --val-fraction 0.5 --split-by document"
    assert any(place.run(*line.split(), option, str(seed)).code == 0 for seed in range(1, 9))


TABLE: Table = {
    "pipelines/decode.py": [
        Row(
            "decode a.bin --split val",
            "leave it out, or name a folder",
            ("decode a.bin", "decode s --split train"),
        ),
        Row(decode_to_nothing, "give an output", "decode 1 2 -o x.txt"),
    ],
    "pipelines/encode.py": [
        Row("encode a.txt --if-changed", "give {-o FILE.bin}", "encode a.txt --if-changed {0}"),
        Row(encode_nothing, "name a file, or give a text with -t", ("encode a.txt", "encode -t one")),
        Row(encode_to_nothing, "give an output", "encode a.txt -o x.bin"),
        Row("encode a.txt -o x.gz", "choose another ending", "encode a.txt -o x.bin"),
        Row("encode a.txt -o x.npz", r"choose one of {\..+}", each("encode a.txt -o x{0}")),
        Row(
            "encode a.txt -o x.npy --format bin",
            r"choose the ending {\.bin}, or another format",
            ("encode a.txt -o x{0} --format bin", "encode a.txt -o x.npy --format npy"),
        ),
    ],
    "pipelines/embed/planning.py": [
        Row("embed s -o e --dim 0", "give 1 or more", "embed s -o e --dim 1"),
        Row(
            f"embed s -o e --dim 1 --seed {1 << 64}",
            r"give a number of at least {-2\*\*63} and below 2**64",
            f"embed s -o e --dim 1 --seed {(1 << 64) - 1}",
        ),
        Row(
            "embed s -o e --token-table wte",
            "give {--weights} FILE too",
            "embed s -o e --token-table tok_emb.weight {0} w.safetensors",
            _WEIGHTS,
        ),
        Row(
            "embed s -o e --weights w.safetensors --init gpt2",
            "leave out one of them",
            ("embed s -o e --weights w.safetensors", "embed s -o e --init gpt2 --dim 2 -f"),
            _WEIGHTS,
        ),
        Row(
            "embed s -o e --weights small.safetensors",
            "give the weights of a model with the tokenizer of the shards",
            "embed s -o e --weights w.safetensors",
            (
                *_WEIGHTS,
                "window a.txt -o t -L 4 -T v.json",
                "embed t -o small --dim 8",
                "$ mv small/weights.safetensors small.safetensors",
            ),
        ),
        Row(
            "embed long -o e --weights w.safetensors",
            "write the shards with {--context-length 4} or less",
            ("window a.txt -o long {0} -f", "embed long -o e --weights w.safetensors"),
            (*_WEIGHTS, "window a.txt -o long -L 8"),
        ),
        Row(
            "embed s -o e --weights w.safetensors --dim 3",
            "leave out --dim",
            "embed s -o e --weights w.safetensors",
            _WEIGHTS,
        ),
    ],
    "pipelines/id_text.py": [
        Row(
            "decode b.txt",
            "decode takes what encode writes: ids as text, JSON, a .npy or a .bin file",
            ("encode a.txt -o b.txt -f", "decode b.txt", "decode a.bin"),
            files={"b.txt": "1 2 three"},
        ),
        Row(
            "decode b.jsonl",
            "decode takes what encode writes",
            ("encode a.txt -o b.jsonl -f", "decode b.jsonl"),
            files={"b.jsonl": '{"tokens": [1]}\n'},
        ),
        Row(
            "decode b.json",
            "give what encode writes, with its lines",
            ("encode a.txt -o b.json -f", "decode b.json"),
            files={"b.json": '{\n"documents": [1\n]}'},
        ),
        Row(
            long_line,
            "write it again with gptprep encode",
            ("encode a.txt -o b.json", "decode b.json"),
        ),
        Row(
            "decode b.json",
            "give {--tokenizer} with the one that made it",
            "decode b.json {0} v.json",
            "encode a.txt -T v.json -o b.json",
        ),
    ],
    "pipelines/vocab.py": [
        Row("vocab a.txt --top -1", r"give {\d+} or more", "vocab a.txt --top {0}"),
        Row("vocab a.txt -o x.min.txt", r"name it {.+\.json}", "vocab a.txt -o {0}"),
    ],
    "pipelines/up_to_date.py": [
        Row(
            "$ gptprep window -o w -L 4 --if-changed < a.txt",
            "name a file, or leave out {--if-changed}",
            ("window a.txt -o w -L 4 {0}", "$ gptprep window -o w -L 4 -f < a.txt"),
        )
    ],
    "pipelines/window/complete.py": [
        Row(
            "window b.txt -o s -L 4 --part 1/1",
            "remove it, or name another output",
            ("window b.txt -o w -L 4 --part 1/1", "$ rm -r s", "window b.txt -o s -L 4 --part 1/1"),
            files={"b.txt": TEXT},
        ),
    ],
    "pipelines/window/job_array.py": [
        Row("window a.txt -o w -L 4 --part 3", "give it as {3/8}", "window a.txt -o w -L 4 --part {0}"),
    ],
    "pipelines/window/shared_parts.py": [
        Row(
            "$ gptprep window -o w -L 4 --part 1/2 < a.txt",
            "name files",
            "window a.txt -o w -L 4 --part 1/2",
        ),
        Row(
            "window a.txt -o w -L 4 --part 2/2",
            "move it away, or choose another output",
            ("window a.txt -o v -L 4 --part 2/2", "$ mv w.parts x", "window a.txt -o w -L 4 --part 2/2"),
            files={"w.parts/mine.txt": TEXT},
        ),
        Row(
            "window a.txt -o w -L 5 --part 2/2",
            "give the same command and install the same packages for each process, or remove {.+}",
            (
                "$ cp -r {0} saved",
                "window a.txt -o w -L 4 --part 2/2",
                "$ rm -r w; mv saved {0}",
                "$ rm -r {0}",
                "window a.txt -o w -L 5 --part 2/2",
            ),
            "window a.txt -o w -L 4 --part 1/2",
        ),
    ],
    "pipelines/window/planning.py": [
        Row(
            "window a.txt --val b.txt -o w -L 4 --val-fraction 0.1",
            "leave out --val or {--val-fraction}",
            ("window a.txt --val b.txt -o w -L 4", "window a.txt -o w -L 4 -f {0} 0.5"),
            files={"b.txt": TEXT},
        ),
        Row(
            "window - --val - -o w -L 4",
            "name {-} once",
            "$ cat a.txt | gptprep window {0} --val b.txt -o w -L 4",
            files={"b.txt": TEXT},
        ),
        Row(
            "window a.txt --val a.txt -o w -L 4",
            "name other files for train",
            "window b.txt --val a.txt -o w -L 4",
            files={"b.txt": TEXT},
        ),
        Row(window_nothing, "name a file or a folder", "window a.txt -o w -L 4"),
        Row(
            "window a.txt -o w -L 4 -T n.json --boundary document",
            "build the vocabulary with <|endoftext|> (the default)",
            ("vocab a.txt -o n.json -f", "window a.txt -o w -L 4 -T n.json --boundary document"),
            _NO_EOT,
        ),
        Row(window_as_bytes, "give auto, {uint16, .+}", each("window a.txt -o w -L 4 -f --dtype {0}")),
        Row(
            "window a.txt -o w -L 4 -T many.json --dtype uint16",
            "leave out {--dtype}, or give {uint32, int32 or int64}",
            (
                "window a.txt -o w -L 4 -T many.json",
                lambda place, _, dtypes: each("window a.txt -o w -f -L 4 -T many.json --dtype {0}")(
                    place, dtypes
                ),
            ),
            many_words,
        ),
    ],
    "pipelines/window/running.py": [
        Row("window b.txt -o w -L 1", "give more text", "window a.txt -o w -L 1", files={"b.txt": "one"}),
        Row(
            "window a.txt -o w -L 100 --val-fraction 0.4",
            r"give {(--context-length \d+) or less, another (--val-fraction), or }more text",
            ("window a.txt -o w --val-fraction 0.4 {1}", "window a.txt -o x -L 5 {2} 0"),
        ),
        Row(
            "window b.txt a.txt -o w -L 2 --val-fraction 0.5 --split-by document",
            "give {another --val-fraction, another (--seed), or }more text",
            lambda place, _, option: another_seed(place, option),
            files={"b.txt": TEXT},
        ),
    ],
}
