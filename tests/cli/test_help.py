"""Help texts: how they read at any width, what is in them, and their examples."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.helpers.cli import Run, in_terminal

USAGE = {
    "": "gptprep [OPTIONS] COMMAND ...",
    "inspect": "gptprep inspect [OPTIONS] [THING...]",
    "encode": "gptprep encode [OPTIONS] [INPUT...]",
    "count": "gptprep count [OPTIONS] [INPUT...]",
    "decode": "gptprep decode [OPTIONS] [ID...|FILE|SHARDS]",
    "vocab": "gptprep vocab [OPTIONS] [INPUT...]",
    "window": "gptprep window [OPTIONS] [INPUT...]",
    "embed": "gptprep embed [OPTIONS] SHARDS",
    "verify": "gptprep verify [OPTIONS] DIR|FILE",
}
VERBS = tuple(USAGE)[1:]

READING = "--encoding --errors --text-field --separator --include --exclude --workers "
ENCODING = READING + "--special --engine --no-cross-check "
COMMON = "--json --quiet --no-color --debug"
INSPECTING = (
    "--from --find --near --token-table --position-table --split --window --random --seed --step "
    "--batch-size --rank --world-size --no-shuffle --no-drop-last --top --input-dtype "
)
SECTIONS = {
    "inspect": ("--text --tokenizer --html --svg --force --help", INSPECTING + ENCODING + COMMON),
    "encode": (
        "--text --tokenizer --output --format --count --force --if-changed --help",
        ENCODING + COMMON,
    ),
    "count": ("--tokenizer --sort --help", "--input-dtype " + ENCODING + COMMON),
    "decode": ("--tokenizer --split --output --force --help", "--input-dtype " + COMMON),
    "vocab": (
        "--output --kind --size --top --force --help",
        "--min-count --special-token --no-special-tokens " + READING + COMMON,
    ),
    "window": (
        "--output --context-length --stride --val-fraction --val --tokenizer --force --if-changed --part "
        "--dry-run --help",
        "--split-by --boundary --shuffle --seed --layout --dtype --input-dtype --shard-size "
        + ENCODING
        + COMMON,
    ),
    "embed": (
        "--output --dim --position --seed --weights --device --dtype --split --limit --force --if-changed "
        "--dry-run --help",
        "--init --token-table --position-table --batch-size " + COMMON,
    ),
    "verify": ("--fast --help", COMMON),
}
"""The options under "Options", and those under "Advanced"."""

pages = pytest.mark.parametrize("name", USAGE)
verbs = pytest.mark.parametrize("verb", VERBS)
widths = pytest.mark.parametrize("columns", [40, 80])


def page(run: Run, name: str, columns: int = 80) -> str:
    """The help of a verb, or of the app."""
    done = run(*name.split(), "--help", env={"COLUMNS": str(columns)})
    assert (done.code, done.err) == (0, "")
    return done.out.decode()


def sections(text: str) -> dict[str, list[str]]:
    """The lines below each heading, without their indent of two spaces."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if heading := re.fullmatch(r"([A-Z]\w+):", line):
            lines = found.setdefault(heading[1], [])
        elif line:
            lines.append(line[2:])
    return found


def option_names(lines: list[str]) -> list[str]:
    """The options of a section as the help names them: `-o, --output FILE`."""
    named = (line.partition("  ")[0] for line in lines if line.startswith("-"))
    return [name for name in named if re.match(r"(-\w, )?--", name)]


def long_name(name: str) -> str:
    """`--output` of `-o, --output FILE`."""
    found = re.search(r"--[\w-]+", name)
    assert found
    return found[0]


@pages
def test_help_is_written_to_standard_output(run: Run, name: str) -> None:
    done = run(*name.split(), "-h")
    assert (done.code, done.err) == (0, "")
    assert done.out.decode() == page(run, name, 100)


@pages
@widths
def test_help_starts_with_usage_and_an_imperative_sentence(run: Run, name: str, columns: int) -> None:
    usage, sentence, *_ = page(run, name, columns).split("\n\n")
    assert " ".join(usage.split()) == f"Usage: {USAGE[name]}"
    assert sentence.split()[0] in ("Build", "Check", "Count", "Show", "Turn")
    assert sentence.endswith(".")


@pages
@widths
def test_no_line_is_wider_than_the_screen(run: Run, name: str, columns: int) -> None:
    text, _, _ = page(run, name, columns).partition("\nExamples:")
    too_wide = [line for line in text.splitlines() if len(line) > columns]
    assert [line for line in too_wide if not line.startswith("  -")] == []
    assert [line for line in too_wide if line.strip() not in option_names([line[2:]])] == []


@pages
@widths
def test_no_name_choice_or_number_is_divided(run: Run, name: str, columns: int) -> None:
    widest, text = page(run, name, 100), page(run, name, columns)
    assert text.split() == widest.split()
    names = option_names(sections(widest)["Options"] + sections(widest).get("Advanced", []))
    assert len(names) >= 4
    for option in names:
        assert re.search(rf"^  {re.escape(option)}(  |$)", text, re.MULTILINE), option


@pages
def test_lines_have_at_most_100_columns_on_a_wide_screen(run: Run, name: str) -> None:
    assert page(run, name, 200) == page(run, name, 100)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("", 40),
        ("", 80),
        ("inspect", 80),
        ("encode", 40),
        ("count", 80),
        ("decode", 80),
        ("vocab", 40),
        ("window", 80),
        ("embed", 40),
        ("verify", 80),
    ],
)
def test_terminal_shows_the_same_text_with_bold_headings(
    run: Run, tmp_path: Path, name: str, columns: int
) -> None:
    shown = in_terminal(tmp_path, *name.split(), "--help", columns=columns)
    assert shown.startswith("\x1b[1mUsage:\x1b[0m gptprep ")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r\n", "\n")
    assert plain == page(run, name, columns)


@verbs
def test_placeholders_say_what_a_value_is(run: Run, verb: str) -> None:
    text = page(run, verb)
    assert not re.search(r"<bool>|\b(INTEGER|FLOAT|PATH|FILENAME|BOOLEAN)\b", text)
    found = sections(text)
    names = option_names(found["Options"] + found["Advanced"])
    assert {long_name(name) for name in names if name.endswith(" TEXT")} <= {"--text", "--separator"}


@verbs
def test_usual_options_come_first_and_the_rest_is_advanced(run: Run, verb: str) -> None:
    found = sections(page(run, verb))
    shown = [[long_name(name) for name in option_names(found[part])] for part in ("Options", "Advanced")]
    assert shown == [names.split() for names in SECTIONS[verb]]


@verbs
def test_help_ends_with_two_to_four_examples(run: Run, verb: str) -> None:
    text = page(run, verb)
    assert list(sections(text))[-1] == "Examples"
    examples = sections(text)["Examples"]
    assert 2 <= len(examples) <= 4
    assert all(re.search(rf"gptprep {verb}\b", example) for example in examples)


@pytest.mark.usefixtures("samples")
def test_every_example_runs(run: Run, tmp_path: Path) -> None:
    tables = {"wte.weight": np.zeros((50257, 4), np.float32), "wpe.weight": np.zeros((256, 4), np.float32)}
    save_file(tables, tmp_path / "model.safetensors")
    assert run("vocab", "sample_texts", "-o", "words.json").code == 0
    for verb in ("vocab", "encode", "count", "window", "embed", "inspect", "decode", "verify"):
        for example in sections(page(run, verb))["Examples"]:
            data = b""
            for command in example.split(" | "):
                program, *arguments = shlex.split(command)
                done = run(*arguments, stdin=data)
                assert (program, done.code) == ("gptprep", 0), (example, done.err)
                data = done.out


def test_app_lists_the_verbs(run: Run) -> None:
    commands = [line.split()[0] for line in sections(page(run, ""))["Commands"] if not line.startswith(" ")]
    assert tuple(commands) == VERBS
    assert run("--version").out.startswith(b"gptprep ")


def test_no_arguments_give_the_help_on_standard_error(run: Run) -> None:
    done = run(env={"COLUMNS": "80"})
    assert (done.code, done.out) == (2, b"")
    assert done.err == page(run, "")


def test_help_verb_is_the_help(run: Run) -> None:
    assert run("help", env={"COLUMNS": "80"}).out.decode() == page(run, "")
    assert run("help", "window", env={"COLUMNS": "80"}).out.decode() == page(run, "window")


@pytest.mark.parametrize("line", ["-q help window", "--no-color --debug help window", "-q help -q window"])
def test_common_options_may_stand_before_help(run: Run, line: str) -> None:
    done = run(*line.split(), env={"COLUMNS": "80"})
    assert (done.code, done.out.decode()) == (0, page(run, "window"))
    assert run("-q", "help", env={"COLUMNS": "80"}).out.decode() == page(run, "")


def test_short_option_for_the_version(run: Run) -> None:
    assert run("-V") == run("--version")
