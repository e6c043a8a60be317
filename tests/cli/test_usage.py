"""Usage errors: each says what is wrong, how to fix it, and why if that is not the same; the fix works."""

import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers import folders
from tests.helpers.cli import Run
from tests.helpers.schemas import only_document

PARSER_WORDS = (
    "Usage:",
    "Try '",
    "Invalid value",
    "Input should",
    "Value error",
    "Missing ",
    "o such ",
    "ot unexpected",
    "requires an argument",
    "take a value",
)
"""Parts of messages of click, typer and pydantic."""


class Wrong(NamedTuple):
    """A command line that is wrong, and what should be said about it."""

    line: str
    what: str
    fix: str
    """A regular expression."""
    followed: tuple[str, ...]
    """Command lines that do what the fix says."""


UNKNOWN_OPTIONS = [
    Wrong(
        "encode --tokeniser gpt2 a.txt",
        "there is no option --tokeniser",
        r"did you mean --tokenizer\b.*\?",
        ("encode --tokenizer gpt2 a.txt",),
    ),
    Wrong(
        "window a.txt -o w -L 4 --val_fraction 0.5",
        "there is no option --val_fraction",
        r"did you mean --val-fraction\?",
        ("window a.txt -o w -L 4 --val-fraction 0.5",),
    ),
    Wrong(
        "encode a.txt --out b.npy",
        "there is no option --out",
        r"did you mean --output\?",
        ("encode a.txt --output b.npy",),
    ),
    Wrong("--versoin", "there is no option --versoin", r"did you mean --version\?", ("--version",)),
    Wrong("encode --zzz a.txt", "there is no option --zzz", "see gptprep encode --help", ("encode --help",)),
    Wrong("encode -z a.txt", "there is no option -z", "see gptprep encode --help", ("encode --help",)),
    Wrong("encode -qz a.txt", "there is no option -z", "see gptprep encode --help", ("encode --help",)),
    Wrong("--zzz", "there is no option --zzz", "see gptprep --help", ("--help",)),
    Wrong("-z", "there is no option -z", "see gptprep --help", ("--help",)),
]
UNKNOWN_COMMANDS = [
    Wrong(
        "verfy s",
        "there is no command verfy",
        r"did you mean verify\?",
        ("verify s",),
    ),
    Wrong(
        "Encode a.txt",
        "there is no command Encode",
        r"did you mean encode\?",
        ("encode a.txt",),
    ),
    Wrong("xyz", "there is no command xyz", "see gptprep --help", ("--help",)),
    Wrong('"it\'s"', "there is no command it's", "see gptprep --help", ("--help",)),
    *(
        Wrong(
            f"{word}{arguments}",
            f"there is no command {word}",
            rf"did you mean gptprep {line}\?",
            (followed,),
        )
        for words, arguments, line, followed in (
            ("version Version", "", "--version", "--version"),
            ("stats wc", " a.txt", "count", "count a.txt"),
            ("tokenize", " a.txt", "encode", "encode a.txt"),
            ("detokenize", " 1", "decode", "decode 1"),
            ("train bpe", " a.txt -o v.json", "vocab", "vocab a.txt -o v.json"),
            ("split chunk shard dataset", " a.txt -o w -L 4", "window", "window a.txt -o w -L 4"),
            ("embedding embeddings", " s -o e --dim 2", "embed", "embed s -o e --dim 2"),
            ("check validate", " s", "verify", "verify s"),
            ("show view", " -t x", "inspect", "inspect -t x"),
        )
        for word in words.split()
    ),
    Wrong("help help", "there is no command help", r"did you mean gptprep --help\?", ("--help", "help")),
]
MISSING = [
    Wrong("window a.txt -L 4", "--output is missing", "give --output DIR", ("window a.txt -L 4 --output w",)),
    Wrong("embed s --dim 2", "--output is missing", "give --output DIR", ("embed s --dim 2 --output e",)),
    Wrong("embed -o e --dim 2", "SHARDS is missing", "give SHARDS", ("embed -o e --dim 2 s",)),
    Wrong("verify", "DIR|FILE is missing", r"give DIR\|FILE", ("verify s",)),
]
WITHOUT_VALUE = [
    Wrong("encode a.txt -o", "-o has no value", "give -o .+", ("encode a.txt -o x.npy",)),
    Wrong("encode a.txt --output", "--output has no value", "give --output .+", ("encode a.txt --output y",)),
    Wrong(
        "encode a.txt --format", "--format has no value", "give --format .+", ("encode a.txt --format ids",)
    ),
    Wrong("window a.txt -o w -L", "-L has no value", "give -L .+", ("window a.txt -o w -L 4",)),
    Wrong("inspect -t", "-t has no value", "give -t .+", ("inspect -t x",)),
]
UNEXPECTED = [
    Wrong("verify s t", "unexpected argument: t", "see gptprep verify --help", ("verify --help",)),
    Wrong("embed s t -o e", "unexpected argument: t", "see gptprep embed --help", ("embed --help",)),
    Wrong(
        "encode --count=3 a.txt",
        "--count takes no value",
        "give --count alone",
        ("encode --count a.txt",),
    ),
]


def not_one_of(option: str, line: str, *values: str) -> Wrong:
    """A choice that is none of the values."""
    either = f"{', '.join(values[:-1])} or {values[-1]}"
    followed = tuple(f"{line} {option} {value}" for value in values)
    return Wrong(f"{line} {option} xyz", f"{option} is 'xyz'", f"give {either}", followed)


WRONG_CHOICES = [
    not_one_of("--format", "encode a.txt", "ids", "tokens", "json", "jsonl", "npy", "bin"),
    not_one_of("--special", "encode a.txt", "allow", "text", "error"),
    not_one_of("--special", "count a.txt", "allow", "text", "error"),
    not_one_of("--special", "inspect -t x", "allow", "text", "error"),
    not_one_of("--errors", "encode a.txt", "strict", "replace", "skip"),
    not_one_of("--engine", "encode a.txt", "auto", "tiktoken", "gigatoken"),
    not_one_of("--kind", "vocab a.txt -o v.json -f --size 300", "word", "char", "bpe"),
    not_one_of("--split-by", "window a.txt -o w -f -L 4", "tail", "document"),
    not_one_of("--boundary", "window a.txt -o w -f -L 4", "stream", "document"),
    not_one_of("--layout", "window a.txt -o w -f -L 4", "pairs", "tokens"),
    not_one_of("--dtype", "window a.txt -o w -f -L 4", "auto", "uint16", "uint32", "int32", "int64"),
    not_one_of("--position", "embed s -o e -f --dim 2", "learned", "sinusoidal", "none"),
    not_one_of("--dtype", "embed s -o e -f --dim 2", "float32", "float16"),
    not_one_of("--init", "embed s -o e -f --dim 2", "normal", "gpt2"),
]


def not_a_number(option: str, line: str, value: str = "x", name: str = "") -> Wrong:
    """A value that is not a whole number."""
    what = f"{name or option} is {value!r}"
    return Wrong(f"{line} {option} '{value}'", what, "give a whole number", (f"{line} {option} 2",))


NOT_NUMBERS = [
    not_a_number("-L", "window a.txt -o w", name="--context-length"),
    not_a_number("--stride", "window a.txt -o w -L 4"),
    not_a_number("--seed", "window a.txt -o w -L 4"),
    not_a_number("--seed", "embed s -o e --dim 2"),
    not_a_number("--dim", "embed s -o e"),
    not_a_number("--limit", "embed s -o e --dim 2"),
    not_a_number("--workers", "encode a.txt"),
    not_a_number("--top", "vocab a.txt -o v.json"),
    not_a_number("--min-count", "vocab a.txt -o v.json")._replace(
        followed=("vocab a.txt -o v.json --min-count 1",)
    ),
    not_a_number("--size", "vocab a.txt -o v.json")._replace(followed=("vocab a.txt -o v.json --size 5",)),
    *(not_a_number("--stride", "window a.txt -o w -L 4", value) for value in ("", "1.5", "1e3", "0x10", "٣")),
]
WRONG = [
    *UNKNOWN_OPTIONS,
    *UNKNOWN_COMMANDS,
    *MISSING,
    *WITHOUT_VALUE,
    *UNEXPECTED,
    *WRONG_CHOICES,
    *NOT_NUMBERS,
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text `a.txt` and shards `s`."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "a.txt").write_text("one two three four five six seven eight nine ten")
    folders.window([folder / "a.txt"], folder / "s", context_length=4)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of the text and the shards in the test's folder."""
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


wrong_lines = pytest.mark.parametrize("wrong", WRONG, ids=[wrong.line for wrong in WRONG])


@wrong_lines
def test_usage_error_says_what_and_fix_and_why_if_it_is_more(run: Run, tmp_path: Path, wrong: Wrong) -> None:
    done = run(*shlex.split(wrong.line))
    assert (done.code, done.out) == (2, b"")
    assert done.err.splitlines()[0] == f"error: {wrong.what}"
    assert not any(words in done.err for words in PARSER_WORDS)
    why = "(  why: (it is not a whole number|gptprep \\w+ takes no( more)? arguments)\n)?"
    assert re.fullmatch(rf"error: .+\n{why}  fix: {wrong.fix}\n", done.err)
    assert list(tmp_path.iterdir()) == []


@wrong_lines
@pytest.mark.usefixtures("place")
def test_fix_of_a_usage_error_works(run: Run, wrong: Wrong) -> None:
    for line in wrong.followed:
        done = run(*shlex.split(line))
        assert done.code == 0, done.err


some_wrong = pytest.mark.parametrize(
    "wrong",
    [UNKNOWN_OPTIONS[3], MISSING[-1], WITHOUT_VALUE[0], UNEXPECTED[0], WRONG_CHOICES[0], NOT_NUMBERS[0]],
)


@some_wrong
def test_quiet_does_not_change_a_usage_error(run: Run, wrong: Wrong) -> None:
    verb, *arguments = shlex.split(wrong.line)
    done = run(verb, "--quiet", *arguments)
    assert done == run(verb, *arguments)
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith("error: ")


@pytest.mark.parametrize("options", ["--json", "--json --quiet"])
@some_wrong
def test_usage_error_is_a_json_document_too(run: Run, options: str, wrong: Wrong) -> None:
    verb, *arguments = shlex.split(wrong.line)
    done = run(verb, *options.split(), *arguments)
    error = only_document(done.out)["error"]
    assert (done.code, error["exit_code"], error["what"]) == (2, 2, wrong.what)
    assert re.fullmatch(wrong.fix, error["fix"])
    assert done.err == run(verb, *arguments).err
