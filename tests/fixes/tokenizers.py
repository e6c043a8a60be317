"""Errors of tokenizers: their names and files, texts that they cannot encode, and training."""

from __future__ import annotations

from unittest import mock

from gptprep.tokenizers import load_tokenizer
from gptprep.tokenizers.hf_exact import check_known_merges
from gptprep.tokenizers.train.bpe import train
from tests.fixes.rows import Place, Row, Table, each, installed
from tests.helpers.bpe import BYTES, rank_lines
from tests.helpers.hf_engines import fast, with_added

_DAMAGED = "write or download the file again"
_BPE = "vocab a.txt --kind bpe --size 270 -o t.json"
_BUILD = "vocab a.txt -o n.json --no-special-tokens"
_REBUILD = ("$ cp a.txt both.txt; cat b.txt >> both.txt", "vocab both.txt -o n.json --no-special-tokens -f")

_WITHOUT_GIGATOKEN = {
    "hide/sitecustomize.py": "import importlib.util as util\nfind = util.find_spec\n"
    "util.find_spec = lambda name, *more: None if name == 'gigatoken' else find(name, *more)\n",
    "hide/gigatoken.py": "raise ImportError",
}


def other_ids(_: Place) -> None:
    """Let gigatoken and tiktoken give different ids."""
    tokenizer = load_tokenizer("gpt2")
    fast = mock.Mock()
    fast.encode.return_value.tolist.return_value = [0]
    with mock.patch.object(type(tokenizer), "_fast", fast):
        tokenizer.cross_check(b"one two")


def other_ids_of_a_file(_: Place) -> None:
    """Let gigatoken and tokenizers give different ids."""
    tokenizer = fast(with_added([]))
    fast_engine = mock.Mock()
    fast_engine.encode.return_value.tolist.return_value = [0]
    with mock.patch.object(type(tokenizer), "_fast", fast_engine):
        tokenizer.cross_check(b"one two")


def run_of_spaces(_: Place) -> None:
    """A run of white space that tiktoken's regular expressions cannot match."""
    tokenizer = load_tokenizer("gpt2", engine="tiktoken")
    failing = mock.Mock(encode_to_numpy=mock.Mock(side_effect=ValueError("StackOverflow")))
    with mock.patch.object(tokenizer, "_encoding", failing):
        tokenizer.encode_array(b"one")


def special_in_vocabulary(_: Place) -> None:
    """Train a BPE that has an ordinary token which is written like the special token."""
    train({b"ab": 9}, 258, ("ab",))


TABLE: Table = {
    "tokenizers/__init__.py": [
        Row(lambda _: load_tokenizer(special="x"), "choose {.+}", each("encode a.txt --special {0}")),  # type: ignore[arg-type]
        Row(
            "encode a.txt -T a.txt",
            "name one of those, or {gpt2}",
            ("encode a.txt -T {0}", "encode a.txt -T v.json"),
        ),
        Row("encode a.txt -T gpt22", "did you mean {gpt2.*}?", "encode a.txt -T gpt2"),
        Row("encode a.txt -T zzzzzzz", "known encodings: {gpt2}, {.+}", "encode a.txt -T {0}"),
    ],
    "tokenizers/base.py": [
        Row(
            "decode 3 -T v.json 99",
            "name the tokenizer that the ids were made with: {--tokenizer}",
            "decode 3 99 {0} gpt2",
        ),
        Row(
            "encode -t '<|endoftext|>' --special error",
            "use {--special text} to read it as ordinary characters, {--special allow} for its id",
            ("encode -t '<|endoftext|>' {0}", "encode -t '<|endoftext|>' {1}"),
        ),
    ],
    "tokenizers/bpe.py": [
        Row(
            run_of_spaces,
            "shorten its runs of a million or so white-space characters",
            "encode a.txt --engine tiktoken",
        )
    ],
    "tokenizers/char.py": [
        Row(
            "encode b.txt -T c.json",
            "build the vocabulary with <|unk|> (the default), or from a text that has the character",
            (
                "vocab b.txt --kind char -o c.json --no-special-tokens -f",
                "encode b.txt -T c.json",
                "vocab a.txt --kind char -o c.json -f",
                "encode b.txt -T c.json",
            ),
            "vocab a.txt --kind char -o c.json --no-special-tokens",
            {"b.txt": "quiz"},
        )
    ],
    "tokenizers/word.py": [
        Row(
            "encode b.txt -T n.json",
            "build the vocabulary with <|unk|> (the default), or from a text that has the word",
            (*_REBUILD, "encode b.txt -T n.json", "vocab a.txt -o n.json -f", "encode b.txt -T n.json"),
            _BUILD,
            {"b.txt": " quiz"},
        )
    ],
    "tokenizers/engines.py": [
        Row(
            "$ PYTHONPATH=hide:$PYTHONPATH gptprep encode a.txt --engine gigatoken",
            "pip install {gigatoken}, or leave out --engine",
            (
                installed,
                "encode a.txt --engine gigatoken",
                "encode a.txt",
            ),
            files=_WITHOUT_GIGATOKEN,
        )
    ],
    "tokenizers/hf_exact.py": [
        Row(lambda _: check_known_merges(["a b"], {}, "t.json"), _DAMAGED, (_BPE, "encode a.txt -T t.json"))
    ],
    "tokenizers/hf_gigatoken.py": [
        Row(
            other_ids_of_a_file,
            "uninstall gigatoken: tokenizers encodes",
            "$ PYTHONPATH=hide:$PYTHONPATH gptprep encode a.txt",
            files=_WITHOUT_GIGATOKEN,
        )
    ],
    "tokenizers/gigatoken.py": [
        Row(other_ids, "run the same command with {--engine tiktoken}", "encode a.txt {0}"),
        Row(
            "encode a.txt -T gap.tiktoken --engine gigatoken -o x.bin",
            "use {--engine tiktoken}",
            "encode a.txt -T gap.tiktoken {0} -o x.bin",
            files={"gap.tiktoken": rank_lines(BYTES) + b"aGVsbG8= 300\n"},
        ),
    ],
    "tokenizers/train/bpe.py": [
        Row(
            "vocab a.txt --kind bpe -o t.json --size 9",
            r"give a size from {\d+} to {\d+}, such as {8192}",
            (
                "vocab a.txt --kind bpe -o t.json --size {0}",
                "vocab a.txt --kind bpe -o t.json --size {1} -f",
                "vocab a.txt --kind bpe -o t.json --size {2} -f",
            ),
        ),
        Row(
            "vocab b.txt --kind bpe --size 270 -o t.json",
            "give more text",
            _BPE,
            files={"b.txt": "<|endoftext|>"},
        ),
        Row(
            special_in_vocabulary,
            "choose one like <|name|>",
            "vocab a.txt --kind bpe --size 270 -o t.json --special-token '<|name|>'",
        ),
    ],
    "tokenizers/train/words.py": [
        Row("vocab a.txt --size 1", r"give a size of {\d+} or more", "vocab a.txt --size {0}"),
        Row("vocab b.txt", "give more text", "vocab a.txt", files={"b.txt": " "}),
        Row("vocab a.txt --min-count 99", "give a lower --min-count", "vocab a.txt --min-count 1"),
        Row(
            "vocab a.txt --special-token 'two words'",
            "choose one like <|name|>",
            "vocab a.txt --special-token '<|name|>'",
        ),
        Row(
            "vocab a.txt --special-token '<|x|>' --special-token '<|x|>'",
            "give it once",
            "vocab a.txt --special-token '<|x|>'",
        ),
    ],
}
