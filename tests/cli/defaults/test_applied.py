"""Defaults in runs: what wins, where they apply, and where they do nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.helpers.cli import Run, shell

TEXT = "one two three four five six seven eight nine ten"


@pytest.fixture
def place(run: Run, tmp_path: Path) -> Path:
    """A text, its ids and shards of GPT-2's and of an own tokenizer, and text in JSON Lines."""
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "a.jsonl").write_text('{"text": "one", "body": "two"}')
    for line in (
        "vocab a.txt -o v.json",
        "encode a.txt -o gpt2.bin",
        "encode a.txt -T v.json -o own.bin",
        "window a.txt -o gpt2-shards -L 4",
        "window a.txt -o own-shards -L 4 -T v.json",
    ):
        assert run(*line.split(), "-q").code == 0
    return tmp_path


def settings(folder: Path, text: str) -> None:
    (folder / "gptprep.toml").write_text(text)


def test_command_line_wins_over_variables_and_these_over_the_file(run: Run, place: Path) -> None:
    def length(*arguments: str, **env: str) -> int:
        done = run("window", "a.txt", "-o", "w", "--dry-run", "--json", *arguments, env=env)
        assert done.code == 0, done.err
        return int(json.loads(done.out)["context_length"])

    settings(place, "context-length = 2")
    assert length() == 2
    settings(place, "context-length = 2\n[window]\ncontext-length = 3\n[embed]\ndim = 9")
    assert length() == 3
    assert length(GPTPREP_CONTEXT_LENGTH="4") == 4
    assert length(GPTPREP_CONTEXT_LENGTH="4", GPTPREP_WINDOW_CONTEXT_LENGTH="5") == 5
    assert length("-L", "6", GPTPREP_WINDOW_CONTEXT_LENGTH="5") == 6
    assert length("--max-length", "6", GPTPREP_WINDOW_CONTEXT_LENGTH="5") == 6


def test_no_config_ignores_the_file_and_variables(run: Run, place: Path) -> None:
    settings(place, 'tokenizer = "v.json"')
    env = {"GPTPREP_WORKERS": "x", "GPTPREP_TOKENISER": "x", "GPTPREP_CI": "x"}
    assert run("--no-config", "encode", "-t", "one", env=env) == (0, b"505\n", "")
    done = run("encode", "--no-config", "-t", "one")
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        "  fix: give it before the verb: gptprep --no-config",
    )


def test_path_in_a_file_is_relative_to_its_folder(run: Run, place: Path) -> None:
    expected = run("encode", "-t", "one", "-T", "v.json").out
    settings(place, 'tokenizer = "v.json"')
    assert run("encode", "-t", "one").out == expected
    (place / "below").mkdir()
    line = "cd below && gptprep encode -t one"
    assert shell(line, place).stdout == expected
    assert shell(line.replace("gptprep", "GPTPREP_TOKENIZER=../v.json gptprep"), place).stdout == expected
    settings(place, f'tokenizer = "{place}/v.json"')
    assert shell(line, place).stdout == expected
    settings(place, 'tokenizer = "own-shards"')
    assert shell(line, place).stdout == expected
    settings(place, 'tokenizer = "gpt2"')
    assert shell(line, place).stdout == b"505\n"
    settings(place, 'tokenizer = "none.json"')
    assert b"error: there is no tokenizer '../none.json'" in shell(line, place).stderr
    settings(place, 'tokenizer = "openai-community/gpt2"')
    assert shell(line, place).stdout == b"505\n"


def test_weights_in_a_file_are_relative_to_its_folder(run: Run, place: Path) -> None:
    tables = {"wte.weight": np.ones((50257, 2), np.float32), "wpe.weight": np.ones((4, 2), np.float32)}
    save_file(tables, place / "w.safetensors")
    settings(
        place, '[embed]\nweights = "w.safetensors"\ntoken-table = "wte.weight"\nposition-table = "wpe.weight"'
    )
    (place / "below").mkdir()
    line = "cd below && gptprep embed ../gpt2-shards -o e --dry-run"
    assert "× 2 float32" in shell(line, place).stderr.decode()
    assert run("embed", "gpt2-shards", "-o", "e", "--dim", "4", "--dry-run").code == 1
    for options in ("--init normal --dim 4", "--position none", "--position sinusoidal"):
        done = run("embed", "gpt2-shards", "-o", "e", *options.split(), "--dry-run")
        assert done.code == 0, done.err
    settings(place, '[embed]\ninit = "gpt2"\ndim = 8\ntoken-table = "wte"')
    assert "× 8 float32" in run("embed", "gpt2-shards", "-o", "e", "--dry-run").err
    weights = ("--weights", "w.safetensors", "--token-table", "wte.weight")
    assert "× 2 float32" in run("embed", "gpt2-shards", "-o", "e", "--dry-run", *weights).err


def test_ids_and_shards_keep_their_tokenizer(run: Run, place: Path) -> None:
    for default in ("v.json", "gpt2", "cl100k_none"):
        settings(place, f'tokenizer = "{default}"')
        for thing in ("gpt2.bin", "own.bin", "gpt2-shards", "own-shards"):
            done = run("decode", thing)
            assert (done.code, done.out.split()) == (0, TEXT.encode().split()[: len(done.out.split())])
            done = run("inspect", thing)
            assert done.code == 0, (default, thing, done.err)
            done = run("inspect", thing, "--json")
            assert done.code == 0, (default, thing, done.err)
        for thing in ("gpt2.bin", "own.bin"):
            assert run("count", thing).code == 0
            assert run("window", thing, "-o", "w", "-L", "4", "-f").code == 0
        assert run("inspect", "gpt2-shards", "--find", "two").code == 0
        assert run("verify", "own-shards").code == 0


def test_ids_that_do_not_say_their_tokenizer_have_the_default(run: Run, place: Path) -> None:
    (place / "own.bin.json").unlink()
    assert run("decode", "own.bin").code == 1
    settings(place, 'tokenizer = "v.json"')
    for line in ("decode own.bin", "inspect own.bin", "count own.bin", "window own.bin -o w -L 4"):
        done = run(*line.split())
        assert done.code == 0, (line, done.err)
    ids = run("encode", "-t", "two").out
    assert run("decode", ids.decode().strip()).out.strip() == b"two"
    assert run("decode", stdin=ids).out.strip() == b"two"


def test_tokenizer_of_ids_is_found_where_the_default_says(run: Run, place: Path) -> None:
    (place / "models").mkdir()
    (place / "v.json").rename(place / "models" / "v.json")
    assert run("decode", "own.bin").code == 1
    settings(place, 'tokenizer = "models/v.json"')
    assert run("decode", "own.bin").out.split() == TEXT.encode().split()


def test_tokenizer_on_the_command_line_is_still_compared(run: Run, place: Path) -> None:
    settings(place, 'tokenizer = "v.json"')
    for line in ("decode gpt2.bin", "decode gpt2-shards", "inspect gpt2-shards --window 0", "count gpt2.bin"):
        done = run(*line.split(), "-T", "v.json")
        assert (done.code, "was not made with" in done.err) == (1, True), line


def test_tokenizer_of_an_output_file_that_is_read_is_not_replaced(run: Run, place: Path) -> None:
    settings(place, 'tokenizer = "v.json"')
    before = (place / "v.json").read_bytes()
    for line in ("decode 0 -o v.json -f", "encode -t one -o v.json -f"):
        done = run(*line.split())
        assert (done.code, "is read by this run" in done.err) == (1, True)
    assert (place / "v.json").read_bytes() == before


def test_several_default_tokenizers_are_compared_where_there_is_text(run: Run, place: Path) -> None:
    settings(place, '[count]\ntokenizer = ["gpt2", "v.json"]\n[inspect]\ntokenizer = ["gpt2", "v.json"]')
    assert json.loads(run("count", "a.txt", "--json").out)["total"]["ids"] == [10, 10]
    assert json.loads(run("count", "own.bin", "--json").out)["total"]["ids"] == [10]
    assert run("count", "own.bin", "a.txt").code == 0
    assert b"v.json" in run("inspect", "-t", "one").out
    for thing in ("a.txt", "gpt2.bin", "own-shards", "v.json", "gpt2"):
        done = run("inspect", thing)
        assert done.code == 0, (thing, done.err)


def test_options_that_do_nothing_for_a_thing_are_no_errors_of_inspect(run: Run, place: Path) -> None:
    tables = {"wte.weight": np.ones((50257, 2), np.float32), "wpe.weight": np.ones((4, 2), np.float32)}
    save_file(tables, place / "w.safetensors")
    assert run("embed", "gpt2-shards", "-o", "e", "--dim", "2", "-q").code == 0
    things = ("a.txt", "a.jsonl", "gpt2.bin", "gpt2-shards", "e", "w.safetensors", "v.json", "gpt2", "a text")
    expected = {thing: run("inspect", thing) for thing in things}
    settings(
        place,
        'tokenizer = "gpt2"\ntop = 10\nencoding = "utf-8"\ntext-field = "text"\nseparator = "|"\n'
        'include = "*"\nexclude = "*.x"\nworkers = 1\nspecial = "text"\nengine = "tiktoken"\n'
        'input-dtype = "uint16"\ntoken-table = "wte.weight"\nposition-table = "wpe.weight"\n'
        'errors = "replace"\nseed = 3\n',
    )
    for thing in things:
        done = run("inspect", thing)
        assert done.code == 0, (thing, done.err)
        assert "no effect" not in done.err
        if thing in ("gpt2-shards", "e", "w.safetensors", "v.json"):
            assert done.out == expected[thing].out
    assert "--top has no effect" in run("inspect", "gpt2-shards", "--top", "9").err


def test_default_without_effect_is_not_worth_a_note(run: Run, place: Path) -> None:
    settings(place, 'text-field = "body"\nseparator = "|"')
    assert run("encode", "a.txt").err == ""
    assert run("encode", "a.jsonl") == (0, b"11545\n", "")
    assert "--text-field has no effect" in run("encode", "a.txt", "--text-field", "x").err


def test_default_of_the_text_field_does_not_make_standard_input_json(run: Run, place: Path) -> None:
    settings(place, 'text-field = "body"')
    assert run("encode", stdin=b"one").out == b"505\n"
    assert run("encode", "--text-field", "body", stdin=b'{"body": "one"}').out == b"505\n"


def test_option_takes_the_place_of_the_default_of_its_rival(run: Run, place: Path) -> None:
    settings(
        place,
        '[window]\nval-fraction = 0.1\nsplit-by = "document"\n'
        '[vocab]\nspecial-token = ["<|x|>"]\nkind = "char"',
    )
    (place / "b.txt").write_text(TEXT)
    done = run("window", "a.txt", "--val", "b.txt", "-o", "w", "-L", "4")
    assert done.code == 0, done.err
    done = run("vocab", "a.txt", "--no-special-tokens", "-o", "c.json")
    assert (done.code, b"<|" in (place / "c.json").read_bytes()) == (0, False), done.err
    assert run("vocab", "a.txt", "-o", "d.json").code == 0
    assert b"<|x|>" in (place / "d.json").read_bytes()


def test_changed_default_is_a_changed_option(run: Run, place: Path) -> None:
    line = "window a.txt -o w -L 4 --if-changed"
    settings(place, "[window]\nstride = 2")
    assert "windows" in run(*line.split()).err
    assert "w is up to date" in run(*line.split()).err
    assert "w is up to date" in run(*line.split(), "-S", "2").err
    settings(place, "[window]\nstride = 3")
    assert "up to date" not in run(*line.split()).err
    assert json.loads((place / "w" / "manifest.json").read_text())["stride"] == 3
    for tokenizer in ("gpt2", "v.json"):
        settings(place, f'tokenizer = "{tokenizer}"')
        assert "up to date" not in run("encode", "a.txt", "-o", "x.bin", "--if-changed").err
        assert "up to date" in run("encode", "a.txt", "-o", "x.bin", "--if-changed").err


def test_plan_and_manifest_are_those_of_the_same_options(run: Run, place: Path) -> None:
    line = "window a.txt -o w --dry-run"
    options = ["-L", "3", "-S", "2", "--layout", "tokens", "-T", "v.json"]
    planned = run(*line.split(), *options)
    assert run("window", "a.txt", "-o", "given", *options).code == 0
    settings(place, 'tokenizer = "v.json"\n[window]\ncontext-length = 3\nstride = 2\nlayout = "tokens"')
    assert run(*line.split()) == planned
    assert run("window", "a.txt", "-o", "default").code == 0
    manifests = [(place / name / "manifest.json").read_bytes() for name in ("given", "default")]
    assert manifests[0] == manifests[1]
