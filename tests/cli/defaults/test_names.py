"""Which options can have defaults: each option of each verb is in one of the two tables."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_origin

import pytest

from gptprep.cli.defaults.names import ALLOWED, DIFFERENT, NUMERIC, ONE_WORD, PATHS, REFUSED, RIVALS
from gptprep.cli.parameters import VERBS, DeclaredOption, command_of, options_of
from tests.helpers.cli import Run

ONLY_REFUSED_FOR_INSPECT = {"seed", "batch-size"}


def options(verb: str) -> dict[str, DeclaredOption]:
    return {option.name: option for option in options_of(command_of(verb)) if option.name}


def plain_kind(option: DeclaredOption) -> object:
    """The type of one value."""
    kinds = [kind for kind in (option.kind, *get_args(option.kind)) if kind is not type(None)]
    return next((get_args(kind)[0] for kind in kinds if get_origin(kind) is list), kinds[-1])


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_allowed_or_refused(verb: str) -> None:
    names = options(verb).keys()
    allowed = {name for name, verbs in ALLOWED.items() if verb in verbs}
    assert allowed <= names
    assert names - allowed <= REFUSED.keys() | (ONLY_REFUSED_FOR_INSPECT if verb == "inspect" else set())


def test_no_option_is_allowed_and_refused() -> None:
    assert ALLOWED.keys() & REFUSED.keys() == set()
    assert ALLOWED.keys() >= DIFFERENT | NUMERIC | ONE_WORD | PATHS


def test_nothing_that_destroys_or_reads_is_allowed() -> None:
    assert {"force", "if-changed", "output", "dry-run", "json", "text", "val", "fast"} <= REFUSED.keys()


def test_option_of_several_verbs_means_the_same_unless_it_is_different() -> None:
    for name, verbs in ALLOWED.items():
        kinds = {plain_kind(options(verb)[name]) for verb in verbs}
        assert (len(kinds) > 1) == (name in DIFFERENT), name


def test_no_variable_of_all_verbs_looks_like_one_of_a_verb() -> None:
    assert [name for name in ALLOWED if name.startswith(tuple(f"{verb}-" for verb in VERBS))] == []


def test_rivals_are_options_of_their_verbs() -> None:
    for verb, rivals in RIVALS.items():
        for stronger, weaker in rivals.items():
            assert {stronger, *weaker} <= options(verb).keys()
            assert all(verb in ALLOWED[name] for name in weaker)


WRONG_NAMES = [
    ('tokeniser = "gpt2"', "tokeniser in gptprep.toml is unknown", "did you mean tokenizer?"),
    ("zzz = 1", "zzz in gptprep.toml is unknown", "remove it; gptprep COMMAND --help lists the options"),
    ("context_length = 4", "context_length in gptprep.toml is unknown", "did you mean context-length?"),
    ("max-length = 4", "max-length in gptprep.toml is unknown", "did you mean context-length?"),
    ("q = true", "q in gptprep.toml is unknown", "did you mean quiet?"),
    (
        "force = true",
        "force in gptprep.toml cannot be a default",
        "remove it, and give --force to the commands that need it",
    ),
    ("n = 3", "n in gptprep.toml cannot be a default", "remove it, and give -n to the commands that need it"),
    ('dtype = "uint32"', "dtype in gptprep.toml is for no verb", "set dtype in [window] instead"),
    ("[windw]\nstride = 1", "[windw] in gptprep.toml is unknown", "did you mean [window]?"),
    ("[zzz]", "[zzz] in gptprep.toml is unknown", "remove [zzz]"),
    ("[[window]]", "window in gptprep.toml is a list", "write the options of the verb as a table: [window]"),
    ("window = 3", "window in gptprep.toml is a whole number", "write the options of the verb as a table"),
    (
        "[window]\nstrid = 1",
        "strid in [window] of gptprep.toml is unknown",
        "did you mean stride in [window]?",
    ),
    (
        "[decode]\nstride = 1",
        "stride in [decode] of gptprep.toml is unknown",
        "did you mean stride in [window]?",
    ),
    ("[inspect]\nseed = 1", "seed in [inspect] of gptprep.toml is unknown", "did you mean seed in [window]?"),
    ("[embed]\nforce = true", "force in [embed] of gptprep.toml cannot be a default", "remove it, and give"),
    ("[window.stride]\nx = 1", "stride in [window] of gptprep.toml is a table", "write a whole"),
]


@pytest.mark.parametrize(("text", "what", "fix"), WRONG_NAMES)
def test_wrong_name_is_refused_with_the_near_one(
    run: Run, tmp_path: Path, text: str, what: str, fix: str
) -> None:
    (tmp_path / "gptprep.toml").write_text(text)
    done = run("window", "none", "-o", "w")
    assert done.code == 2
    assert f"error: {what}" in done.err
    assert f"  fix: {fix}" in done.err


WRONG_VARIABLES = [
    ("GPTPREP_TOKENISER", "is unknown", "did you mean GPTPREP_TOKENIZER?"),
    ("GPTPREP_WINDOW_STRID", "is unknown", "did you mean GPTPREP_WINDOW_STRIDE?"),
    ("GPTPREP_DECODE_STRIDE", "is unknown", "did you mean GPTPREP_WINDOW_STRIDE?"),
    ("GPTPREP_tokenizer", "is unknown", "did you mean GPTPREP_TOKENIZER?"),
    ("GPTPREP_MAX_LENGTH", "is unknown", "did you mean GPTPREP_CONTEXT_LENGTH?"),
    ("GPTPREP_FORCE", "cannot be a default", "remove it, and give --force to the commands that need it"),
    ("GPTPREP_EMBED_OUTPUT", "cannot be a default", "remove it, and give --output to the commands that"),
    ("GPTPREP_DTYPE", "is for no verb", "set GPTPREP_WINDOW_DTYPE instead"),
]


@pytest.mark.parametrize(("name", "what", "fix"), WRONG_VARIABLES)
def test_wrong_variable_is_refused_with_the_near_one(run: Run, name: str, what: str, fix: str) -> None:
    done = run("encode", "-t", "a", env={name: "1"})
    assert (done.code, done.out) == (2, b"")
    assert f"error: {name} {what}" in done.err
    assert f"  fix: {fix}" in done.err


@pytest.mark.parametrize("name", ["GPTPREP_TOKENISER", "GPTPREP_FORCE", "GPTPREP_WORKERS"])
def test_empty_variable_is_as_good_as_none(run: Run, name: str) -> None:
    assert run("encode", "-t", "a", env={name: ""}) == (0, b"64\n", "")


@pytest.mark.parametrize("name", ["GPTPREP_HOME_PAGE_OF_MINE", "GPTPREP_", "GPTPREP_CI"])
def test_variable_of_somebody_else_is_a_note(run: Run, name: str) -> None:
    done = run("encode", "-t", "a", env={name: "1"})
    assert (done.code, done.out) == (0, b"64\n")
    assert done.err == f"note: {name} has no effect: no option has it\n"
    assert run("encode", "-q", "-t", "a", env={name: "1"}).err == ""
    assert run("encode", "-t", "a", env={f"{name[:7]}X": "1"}).err == ""
