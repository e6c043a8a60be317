"""Values of defaults: their types in files, and their texts in variables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.cli import Run

WRONG_TYPES = [
    ('workers = "4"', "workers in gptprep.toml", "text", "write a whole number, without quotes"),
    ("workers = 4.0", "workers in gptprep.toml", "a number", "write a whole number, without quotes"),
    ("workers = true", "workers in gptprep.toml", "a boolean", "write a whole number, without quotes"),
    ("workers = nan", "workers in gptprep.toml", "a number", "write a whole number, without quotes"),
    ("workers = [4]", "workers in gptprep.toml", "a list with a whole number", "write a whole number, with"),
    ("workers = 2020-01-01", "workers in gptprep.toml", "a date or time", "write a whole number, without"),
    ("tokenizer = 3", "tokenizer in gptprep.toml", "a whole number", "write text in quotes"),
    ('tokenizer = ["gpt2"]', "tokenizer in gptprep.toml", "a list", "write text in quotes"),
    ('[window]\nshuffle = "yes"', "shuffle in [window] of gptprep.toml", "text", "write true or false, with"),
    ("[window]\nshuffle = 1", "shuffle in [window] of gptprep.toml", "a whole number", "write true or false"),
    (
        "include = 3",
        "include in gptprep.toml",
        "a whole number",
        'write text in quotes, or a list of such: ["',
    ),
    (
        "include = ['a', 3]",
        "include in gptprep.toml",
        "a list with a whole number",
        "write text in quotes, or",
    ),
    ("include = [['a']]", "include in gptprep.toml", "a list with a list", "write text in quotes, or a list"),
    (
        "[window]\nval-fraction = true",
        "val-fraction in [window] of gptprep.toml",
        "a boolean",
        "write a number",
    ),
    ("workers = {a = 1}", "workers in gptprep.toml", "a table", "write a whole number, without quotes"),
]


@pytest.fixture
def text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four five six seven eight nine ten")


@pytest.mark.parametrize(("settings", "place", "kind", "fix"), WRONG_TYPES)
@pytest.mark.usefixtures("text")
def test_wrong_type_names_file_key_and_what_it_should_be(
    run: Run, tmp_path: Path, settings: str, place: str, kind: str, fix: str
) -> None:
    (tmp_path / "gptprep.toml").write_text(settings)
    done = run("window", "a.txt", "-o", "w", "-L", "4")
    assert done.code == 2
    assert done.err.startswith(f"error: {place} is {kind}\n  fix: {fix}")
    assert not (tmp_path / "w").exists()


WRONG_VALUES = [
    ('[window]\nlayout = "x"', "layout in [window] of gptprep.toml is 'x'", "give pairs or tokens"),
    ('special = "x"', "special in gptprep.toml is 'x'", "give allow, text or error"),
    ('tokenizer = "a\\u0000b"', "tokenizer in gptprep.toml has a null character", "remove it from tokenizer"),
    ("workers = 1" + "0" * 50, "workers in gptprep.toml is '1000000000", "give a whole number"),
]


@pytest.mark.parametrize(("settings", "what", "fix"), WRONG_VALUES)
@pytest.mark.usefixtures("text")
def test_wrong_value_names_file_and_key(run: Run, tmp_path: Path, settings: str, what: str, fix: str) -> None:
    (tmp_path / "gptprep.toml").write_text(settings)
    done = run("window", "a.txt", "-o", "w", "-L", "4")
    assert done.code == 2
    assert done.err.startswith(f"error: {what}")
    assert f"  fix: {fix}" in done.err


LATE = [
    ('[window]\nshard-size = "big"', "shard-size in [window] of gptprep.toml", "'big' is not a size"),
    ("[window]\nval-fraction = nan", "val-fraction in [window] of gptprep.toml", "the val fraction is nan"),
    ("[window]\nval-fraction = inf", "val-fraction in [window] of gptprep.toml", "the val fraction is inf"),
    ("[window]\nstride = 0", "stride in [window] of gptprep.toml", "the stride is 0"),
    ("workers = 0", "workers in gptprep.toml", "--workers is 0"),
    ('tokenizer = "zzz"', "tokenizer in gptprep.toml", "there is no tokenizer 'zzz'"),
    ('tokenizer = "none.json"', "tokenizer in gptprep.toml", "there is no tokenizer 'none.json'"),
    ('separator = "\\\\q"', "separator in gptprep.toml", "--separator has \\q"),
    ('encoding = "zzz"', "encoding in gptprep.toml", "zzz"),
]


@pytest.mark.parametrize(("settings", "place", "what"), LATE)
@pytest.mark.usefixtures("text")
def test_error_that_is_found_later_has_a_note_with_file_and_key(
    run: Run, tmp_path: Path, settings: str, place: str, what: str
) -> None:
    (tmp_path / "gptprep.toml").write_text(settings)
    done = run("window", "a.txt", "-o", "w", "-L", "4")
    assert done.code in (1, 2)
    assert what in done.err.splitlines()[0]
    option = place.partition(" in ")[0]
    assert f" note: the default of --{option} is set by {place}\n" in done.err


@pytest.mark.usefixtures("text")
def test_error_about_something_else_has_no_note(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gptprep.toml").write_text('workers = 2\ntokenizer = "gpt2"\n[window]\nstride = 2')
    done = run("window", "none.txt", "-o", "w", "-L", "4")
    assert done.code == 1
    assert "note" not in done.err
    assert "note" not in run("window", "a.txt", "-o", "w", "-L", "0").err


def test_error_in_a_variable_names_it(run: Run) -> None:
    for name in ("GPTPREP_WORKERS", "GPTPREP_ENCODE_WORKERS"):
        done = run("encode", "-t", "a", env={name: "x"})
        why = "  why: it is not a whole number\n  fix: give a whole number\n"
        assert done == (2, b"", f"error: {name} is 'x'\n{why}")
    done = run("encode", "-t", "a", env={"GPTPREP_TOKENIZER": "zzz"})
    assert " note: the default of --tokenizer is set by GPTPREP_TOKENIZER\n" in done.err


@pytest.mark.parametrize("word", ["1", "true", "YES", "On", " 1 "])
def test_variable_of_a_flag_may_be_a_word_for_true(run: Run, word: str) -> None:
    assert run("encode", "-t", "a", env={"GPTPREP_CI": "1", "GPTPREP_QUIET": word}) == (0, b"64\n", "")


@pytest.mark.parametrize("word", ["0", "false", "No", "off"])
def test_variable_of_a_flag_may_be_a_word_for_false(run: Run, tmp_path: Path, word: str) -> None:
    (tmp_path / "gptprep.toml").write_text("quiet = true")
    assert run("encode", "-t", "a", env={"GPTPREP_CI": "1"}).err == ""
    assert run("encode", "-t", "a", env={"GPTPREP_CI": "1", "GPTPREP_QUIET": word}).err != ""


@pytest.mark.parametrize("word", ["2", "x", "y e s", "  "])
def test_other_words_in_the_variable_of_a_flag_are_refused(run: Run, word: str) -> None:
    done = run("encode", "-t", "a", env={"GPTPREP_QUIET": word})
    assert (done.code, done.out) == (2, b"")
    assert done.err == (
        f"error: GPTPREP_QUIET is {word!r}\n  fix: give 1, true, yes, on, 0, false, no or off\n"
    )


def test_repeatable_options_are_lists(run: Run, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("a.txt", "b.c", "c.h", "d d.py"):
        (tmp_path / "d" / name).write_text("one")
    settings = tmp_path / "gptprep.toml"

    def counted(**env: str) -> int:
        return len(json.loads(run("count", "d", "--json", env=env).out)["sources"])

    assert counted(GPTPREP_INCLUDE="*.c *.h") == 2
    assert counted(GPTPREP_INCLUDE="*.c") == 1
    settings.write_text('include = ["*.c", "*.h", "d d.*"]')
    assert counted() == 3
    settings.write_text('include = "d d.*"')
    assert counted() == 1
    settings.write_text("include = []")
    assert counted() == 1
    assert counted(GPTPREP_INCLUDE="  ") == 1


@pytest.mark.usefixtures("text")
def test_path_of_a_tokenizer_in_a_variable_may_have_spaces(run: Run) -> None:
    assert run("vocab", "a.txt", "-o", "my words.json").code == 0
    for verb in ("count", "encode", "inspect"):
        done = run(verb, "a.txt", env={"GPTPREP_TOKENIZER": "my words.json"})
        assert done.code == 0, done.err


@pytest.mark.usefixtures("text")
def test_numbers_of_text_options_may_be_numbers(run: Run, tmp_path: Path) -> None:
    settings = "[window]\nval-fraction = 0.5\nshard-size = 1000\n[embed]\nbatch-size = 2"
    (tmp_path / "gptprep.toml").write_text(settings)
    done = run("window", "a.txt", "-o", "w", "-L", "2")
    assert done.code == 0, done.err
    assert (tmp_path / "w" / "val").is_dir()
    assert run("embed", "w", "-o", "e", "--dim", "2", "--dry-run").code == 0
