"""`gptprep inspect` from the shell: tokens, colours and JSON."""

import json

from tests.helpers.cli import Run


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
        assert b"\x1b[3" not in run("inspect", "-t", "Hi", env={**forced, **env}).out
    assert b"\x1b[3" not in run("inspect", "-t", "Hi", "--no-color", env=forced).out


def test_json_has_each_token_with_its_bytes(run: Run) -> None:
    report = json.loads(run("inspect", "-t", "Hi 你", "--json").out)
    assert report["tokens"][-1] == {"id": 254, "token": "<0xA0>", "bytes": 1, "special": False}
    assert report["bytes"] == 6
