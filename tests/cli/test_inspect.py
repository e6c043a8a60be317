"""`gptprep inspect` from the shell: tokens, colours and JSON."""

import json
from pathlib import Path

import pytest

from tests.helpers.cli import Run, in_terminal


def test_tokens_are_shown_over_their_ids(run: Run) -> None:
    done = run("inspect", "-t", "Hello, wörld<|endoftext|>\nyo")
    assert done == (
        0,
        "Hello ,  ·w  ör    ld  <|endoftext|> ⏎\n"
        "15496 11 266 30570 335 50256         198\n"
        "\n"
        "yo\n"
        "8226\n"
        "\n"
        "8 tokens, 29 bytes, 3.6 bytes each · gpt2\n".encode(),
        "",
    )


def test_colours_follow_the_environment_and_no_color(run: Run) -> None:
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert b"\x1b[" in run("inspect", "-t", "Hi", env=forced).out
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert b"\x1b" not in run("inspect", "-t", "Hi", env={**forced, **env}).out
    assert b"\x1b" not in run("inspect", "-t", "Hi", "--no-color", env=forced).out


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["inspect", "-t", "Hi"]),
        (0, ["encode", "--help"]),
        (1, ["encode", "none"]),
        (2, ["encode", "--bogus"]),
    ],
)
def test_plain_output_has_no_escape_codes_on_a_terminal(
    tmp_path: Path, code: int, arguments: list[str]
) -> None:
    assert "\x1b[" in in_terminal(tmp_path, *arguments, code=code)
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in in_terminal(tmp_path, *arguments, code=code, env=env)
    assert "\x1b" not in in_terminal(tmp_path, *arguments, "--no-color", code=code)


@pytest.mark.parametrize("columns", ["0", "1", "99999999", "-5", "x"])
def test_impossible_widths_do_not_change_the_size_of_the_output(run: Run, columns: str) -> None:
    out = run("inspect", "-t", "Hello, world", env={"COLUMNS": columns}).out
    assert out.splitlines()[:2] == ["Hello ,  ·world".encode(), b"15496 11 995"]


def test_json_has_each_token_with_its_bytes(run: Run) -> None:
    report = json.loads(run("inspect", "-t", "Hi 你", "--json").out)
    assert report["tokens"][-1] == {"id": 254, "token": "<0xA0>", "bytes": 1, "special": False}
    assert report["bytes"] == 6
