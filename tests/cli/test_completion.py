"""What is offered to a shell for the word at the cursor, as the scripts of the shells ask for it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from gptprep.cli.completion.line import verb_parameters
from gptprep.cli.completion.offers import ENCODINGS
from gptprep.cli.parameters import VERBS
from gptprep.storage.sealed import sealed_json
from gptprep.tokenizers import is_tokenizer
from gptprep.tokenizers.names import OFFERED_ENCODINGS, OFFERED_MODELS, encoding_of
from gptprep.tokenizers.rank_files import known_names
from tests.helpers.cli import Run
from tests.helpers.paths import TOP

BREAKS = " \t\n\"'@><=;|&(:"
"""COMP_WORDBREAKS, as bash has it."""
WITHOUT_OFFERS = """
--text --separator --text-field --include --exclude --workers --token-table --position-table --from -n --find
--near --window --random --seed --step --batch-size --rank --world-size --top --size --min-count
--special-token --context-length --stride --val-fraction --shard-size --part --dim --limit
"""
"""Options whose values are numbers, patterns and texts, which nobody can guess."""
verbs = pytest.mark.parametrize("verb", VERBS)


@pytest.fixture
def bash(run: Run) -> Callable[[str], list[str]]:
    """What bash is offered at the end of a line."""

    def offered(line: str) -> list[str]:
        done = run(f"gptprep {line}", BREAKS, env={"_GPTPREP_COMPLETE": "bash"})
        assert (done.code, done.err) == (0, "")
        return done.out.decode().splitlines()[1:]

    return offered


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A folder of shards beside files and other folders."""
    for name in (
        "text.txt",
        "tok.json",
        "x.bin.json",
        "ranks.tiktoken",
        "w.safetensors",
        "ids.bin",
        ".hidden",
    ):
        (tmp_path / name).touch()
    (tmp_path / "a folder").mkdir()
    return Path(shutil.copytree(TOP / "tests" / "golden" / "shards-v4", tmp_path / "shards"))


Bash = Callable[[str], list[str]]


def test_verbs_are_offered(bash: Bash) -> None:
    assert bash("") == list(VERBS)
    assert bash("-q v") == ["vocab", "verify"]
    assert bash("help v") == ["vocab", "verify"]
    assert bash("help verify ") == []
    assert bash("he") == ["help"]


@verbs
def test_options_are_offered_as_the_help_names_them(run: Run, bash: Bash, verb: str) -> None:
    text = run(verb, "--help").out.decode().partition("\nExamples:")[0]
    assert bash(f"{verb} --") == re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE)


def test_short_options_are_offered_after_one_hyphen(bash: Bash) -> None:
    assert {"-o", "--output", "-L", "-h"} <= set(bash("window -"))


@verbs
def test_choices_are_offered(run: Run, bash: Bash, verb: str) -> None:
    text = run(verb, "--help").out.decode()
    for name, choices in re.findall(r"^  (--[\w-]+) ([a-z0-9]+(?:\|[a-z0-9]+)+)(?: |$)", text, re.MULTILINE):
        values = choices.split("|")
        assert bash(f"{verb} {name} ") == values
        assert bash(f"{verb} {name} {values[0][:1]}")[0] == values[0]


@verbs
@pytest.mark.usefixtures("shards")
def test_every_value_is_offered_or_cannot_be_guessed(bash: Bash, verb: str) -> None:
    options, _ = verb_parameters(verb)
    for option in options:
        if option.takes_value:
            is_guessed = option.names[0] not in WITHOUT_OFFERS.split() or option.choices
            assert bool(bash(f"{verb} {option.names[0]} ")) == bool(is_guessed), option.names[0]


def test_given_options_are_offered_again_only_if_they_can_be_repeated(bash: Bash) -> None:
    names = bash("window -o out --layout=pairs --val x --stride 2 -fq --max-length 3 --")
    assert not {"--output", "--layout", "--stride", "--force", "--quiet", "--context-length"} & set(names)
    assert {"--val", "--include", "--shuffle"} <= set(names)
    assert "--tokenizer" not in bash("encode -Tgpt2 --")
    assert "--tokenizer" in bash("count -Tgpt2 --")


def test_value_may_be_joined_to_its_option(run: Run, bash: Bash) -> None:
    assert bash("window --layout=t") == ["tokens"]
    done = run("gptprep window --layout=t", ":", env={"_GPTPREP_COMPLETE": "bash"})
    assert done.out == b"\n--layout=tokens\n"


def test_tokenizers_are_offered_before_files_that_can_be_one(bash: Bash, shards: Path) -> None:
    names = bash("encode -T ")
    assert names == [*OFFERED_ENCODINGS, "a folder", "ranks.tiktoken", "shards", "tok.json"]
    assert names[0] == "gpt2"
    assert bash("encode -T gpt-4o") == ["gpt-4o", "gpt-4o-mini"]
    assert bash(f"encode -T {shards.name}/to") == []


def test_offered_tokenizers_are_known() -> None:
    assert sorted(OFFERED_ENCODINGS) == sorted(known_names())
    assert all(encoding_of(name, known_names()) for name in OFFERED_MODELS)
    assert all(map(is_tokenizer, OFFERED_MODELS))


def test_offered_encodings_are_known(run: Run) -> None:
    for name in ENCODINGS:
        assert run("encode", "--encoding", name, stdin="a".encode(name)).out == b"64\n", name


@pytest.mark.parametrize("line", ["embed", "verify", "decode", "inspect"])
def test_folders_of_shards_are_offered_first(bash: Bash, shards: Path, line: str) -> None:
    offered = bash(f"{line} ")
    assert offered[:2] == [shards.name, "a folder"]
    files = {"embed": [], "verify": ["ids.bin"]}
    if line in files:
        assert offered[2:] == files[line]


def test_files_are_those_that_a_value_can_name(bash: Bash, shards: Path) -> None:
    assert bash("embed shards --weights ") == ["a folder", "ids.bin", shards.name, "w.safetensors"]
    assert bash("window -o ") == ["a folder", shards.name]
    assert "text.txt" in bash("encode -o ")
    assert ".hidden" not in bash("encode ")
    assert bash("encode .h") == [".hidden"]
    assert bash("encode shards/") == ["shards/manifest.json", "shards/train", "shards/val"]


@pytest.mark.usefixtures("shards")
def test_splits_are_those_of_the_shards_on_the_line(bash: Bash, tmp_path: Path) -> None:
    assert bash("inspect shards --split ") == ["train", "val"]
    assert bash("decode --split v") == ["val"]
    shutil.rmtree(tmp_path / "shards" / "val")
    manifest = tmp_path / "shards" / "manifest.json"
    manifest.write_text("{" * 100_000)
    assert bash("embed shards --split ") == ["train", "val"]
    manifest.write_text('{"format": "gptprep-shards", "version": 4, "splits": 7}')
    assert bash("embed shards --split v") == ["val"]


def test_splits_with_other_names_are_offered(bash: Bash, tmp_path: Path) -> None:
    value = json.loads((TOP / "tests" / "golden" / "shards-v4" / "manifest.json").read_bytes())
    del value["sha256"]
    value["splits"] = {"test": {}}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").write_bytes(sealed_json(value))
    assert bash("inspect mine/ --split ") == ["test"]


def test_nothing_is_offered_for_texts_and_after_the_last_argument(bash: Bash, shards: Path) -> None:
    assert bash("encode --text ") == bash("encode -t t") == bash("encode -qt t") == []
    assert bash(f"verify {shards.name} s") == []
    assert "--fast" in bash(f"verify {shards.name} ")


def test_names_that_look_like_options_or_homes_are_offered_as_files(bash: Bash, tmp_path: Path) -> None:
    for name in ("-dash", "~tilde"):
        (tmp_path / name).touch()
    assert bash("encode ") == ["./-dash", "./~tilde"]
    assert bash("encode ./-") == ["./-dash"]
    assert bash("encode -- -") == ["-dash"]


def test_names_that_cannot_be_shown_are_passed_over(bash: Bash, tmp_path: Path) -> None:
    for name in ("new\nline", "tab\t", "\x1b[31m", "plain"):
        (tmp_path / name).touch()
    assert bash("encode ") == ["plain"]


def test_name_that_is_not_valid_unicode_is_offered_byte_for_byte(run: Run, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.txt")).touch()
    done = run("gptprep encode ", BREAKS, env={"_GPTPREP_COMPLETE": "bash"})
    assert done.out == b"filenames\n\xff.txt\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("encode 'my", ["my file"]),
        ('encode "my', ["my file"]),
        ("encode my\\ ", ["my file"]),
        ("encode 'a b' my", ["my file"]),
        ("-q encode 2>log my", ["my file"]),
        ("encode < my\\ file my", ["my file"]),
        ("window --val=my", ["my file"]),
        ("window --val=c:o", ["o"]),
        ('window --val="my', ["my file"]),
        ("encode c:", ["o"]),
        ("encode c", ["c:o"]),
        ("embed x --device cu", ["cuda"]),
    ],
)
def test_line_of_bash_is_read_with_its_quotes(
    bash: Bash, tmp_path: Path, line: str, words: list[str]
) -> None:
    for name in ("my file", "c:o"):
        (tmp_path / name).touch()
    assert bash(line) == words


def test_bash_marks_folders_itself_where_it_knows_their_whole_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c:o" / "sub").mkdir(parents=True)
    env = {"_GPTPREP_COMPLETE": "bash"}
    assert run("gptprep encode c:o/", BREAKS, env=env).out == b"filenames nospace\no/sub/\n"
    assert run("gptprep encode c:o/", "", env=env).out == b"filenames\nc:o/sub\n"


@pytest.mark.parametrize("line", ["encode $HO", 'encode "$HOME/', "encode `x", "encode ~ro", "encode > x"])
def test_what_only_bash_knows_is_left_to_it(run: Run, line: str) -> None:
    done = run(f"gptprep {line}", BREAKS, env={"_GPTPREP_COMPLETE": "bash"})
    assert (done.code, done.out, done.err) == (1, b"", "")


@pytest.mark.parametrize(
    ("shell", "words"), [("bash", []), ("tcsh", ["x"]), ("complete_bash", []), ("zsh", [])]
)
def test_damaged_request_prints_nothing(run: Run, shell: str, words: list[str]) -> None:
    done = run(*words, env={"_GPTPREP_COMPLETE": shell, "COMP_WORDS": "gptprep v", "COMP_CWORD": "1"})
    assert (done.code, done.out, done.err) == (1, b"", "")


@pytest.mark.usefixtures("shards")
def test_zsh_and_fish_are_told_what_is_what(run: Run) -> None:
    zsh = run("encode", "-T", "", env={"_GPTPREP_COMPLETE": "zsh"}).out.decode().splitlines()
    assert {"vgpt2", "da folder", "ftok.json"} <= set(zsh)
    zsh = run("window", "--val=shards/", env={"_GPTPREP_COMPLETE": "zsh"}).out.decode().splitlines()
    assert zsh == ["=", "fmanifest.json", "dtrain", "dval"]
    zsh = run("verify", "--", env={"_GPTPREP_COMPLETE": "zsh"}).out.decode().splitlines()
    assert zsh[0] == "v--fast:Do not compare the sha256 of each file"
    fish = run("verify", "--", env={"_GPTPREP_COMPLETE": "fish"}).out.decode().splitlines()
    assert fish[0] == "--fast\tDo not compare the sha256 of each file"
    fish = run("window", "--layout=", env={"_GPTPREP_COMPLETE": "fish"}).out.decode().splitlines()
    assert fish == ["--layout=pairs", "--layout=tokens"]


def test_every_verb_has_a_summary(run: Run) -> None:
    lines = run("", env={"_GPTPREP_COMPLETE": "fish"}).out.decode().splitlines()
    summaries = dict(line.split("\t") for line in lines)
    for verb in VERBS:
        assert (import_module(f"gptprep.cli.{verb}").command.__doc__ or "").startswith(summaries[verb])
