"""Errors of the command line."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable

import pytest

from gptprep.cli.completion import install
from gptprep.cli.options import argument_bytes
from gptprep.cli.run import _failed
from gptprep.cli.streams import Streams
from gptprep.parallel import processes
from tests.fixes.rows import Place, Row, Table, each
from tests.helpers.cli import Result, in_terminal


def at_a_terminal(line: str) -> Callable[[Place], str]:
    """A line that is a usage error at a terminal; gives what it writes."""
    return lambda place: in_terminal(place.folder, *line.split(), code=2, env={"TERM": "dumb"})


def no_memory(_: Place) -> str:
    """End a run for which there is not enough memory; gives what it writes."""
    written = io.BytesIO()
    with contextlib.redirect_stderr(io.TextIOWrapper(written, write_through=True)):
        _failed(MemoryError(), Streams("encode", json_output=False, quiet=False, no_color=False), debug=False)
        return written.getvalue().decode()


def die(_: int) -> None:
    """What a worker does when it is killed."""
    os._exit(1)


def backslash(place: Place, escape: str) -> None:
    """Write the backslash of an escape twice."""
    done = place.run("encode", "a.txt", "--separator", f"\\{escape}")
    assert done.code == 0, done.err


def settings(text: str) -> Callable[[Place], str]:
    """A line that fails with a settings file; gives what it writes."""
    return lambda place: _with_settings(place, text, "window a.txt -o w -L 4").err


def follow_settings(text: str) -> Callable[..., None]:
    """A step that writes the settings file; the text has the words found in the fix for `{0}`, `{1}`, ..."""

    def step(place: Place, *found: str) -> None:
        done = _with_settings(place, text.format(*found), "window a.txt -o w -L 4 -f")
        assert done.code == 0, done.err

    return step


def _with_settings(place: Place, text: str, line: str) -> Result:
    (place.folder / "gptprep.toml").write_text(text)
    return place.run(*line.split())


def variable(name: str, value: str) -> Callable[[Place], str]:
    """A line that fails with a variable; gives what it writes."""
    return lambda place: place.run("encode", "a.txt", env={name: value}).err


def follow_variable(value: str) -> Callable[..., None]:
    """A step with the variable of the fix, or with each word of it as the value of GPTPREP_QUIET."""

    def step(place: Place, found: str) -> None:
        names = (
            [(found, value)] if value else [("GPTPREP_QUIET", word) for word in re.split(", | or ", found)]
        )
        for name, text in names:
            assert place.run("encode", "a.txt", env={name: text}).code == 0

    return step


def no_shell(_: Place) -> None:
    """Ask for the script of the shell where none is among the processes above."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(install, "_running_shell", str)
        install.script_of("")


REMOVED = follow_settings("")
TABLE: Table = {
    "cli/app.py": [
        Row("--json", "give one; {gptprep --help} lists them", "{0}"),
        Row("--show-config verify s", "give {gptprep --show-config} alone", "{0}"),
    ],
    "cli/completion/install.py": [
        Row(
            "$ HOME=$PWD/a.txt gptprep --install-completion bash",
            r"run {source <\(gptprep --show-completion bash\)} in a shell, or make that place writable",
            ("$ {0}; complete -p gptprep", "$ HOME=$PWD gptprep --install-completion bash"),
        ),
        Row(
            "--install-completion tcsh",
            "give {--install-completion} {bash, zsh or fish}",
            lambda place, option, shells: each(f"$ HOME=$PWD gptprep {option} {{0}}")(place, shells),
        ),
        Row(
            no_shell,
            "give {--show-completion} {bash, zsh or fish}",
            lambda place, option, shells: each(f"{option} {{0}}")(place, shells),
        ),
    ],
    "cli/defaults/file.py": [
        Row(
            settings("a = "),
            "correct it, or ignore it with {gptprep --no-config} COMMAND",
            (REMOVED, "{0} encode a.txt"),
        ),
        Row(
            "$ mkdir gptprep.toml; gptprep encode a.txt",
            "make it a file that can be read, or ignore it with {gptprep --no-config} COMMAND",
            ("{0} encode a.txt", "$ rmdir gptprep.toml; touch gptprep.toml; gptprep encode a.txt"),
        ),
        Row(settings("[windw]"), r"did you mean {\[\w+]}?", follow_settings("{0}")),
        Row(settings("[zzz]"), r"remove {\[zzz]}", REMOVED),
        Row(
            settings("window = 3"),
            r"write the options of the verb as a table: {\[\w+]}",
            follow_settings("{0}\nstride = 2"),
        ),
        Row(
            "$ echo 'tool.gptprep = 3' > pyproject.toml; gptprep encode a.txt",
            r"write it as a table: {\[tool\.gptprep]}",
            "$ echo '{0}' > pyproject.toml; gptprep encode a.txt",
        ),
    ],
    "cli/defaults/names.py": [
        Row(
            settings('dtype = "uint32"'),
            r"set {\w+} in {\[window]} instead",
            follow_settings('{1}\n{0} = "uint32"'),
        ),
        Row(
            settings("force = true"),
            "remove it, and give {--force} to the commands that need it",
            (REMOVED, "window a.txt -o w -L 4 {0}"),
        ),
        Row(
            settings("zzz = true"),
            "remove it; gptprep {COMMAND} --help lists the options",
            (REMOVED, "window --help"),
        ),
        Row(settings('tokeniser = "gpt2"'), r"did you mean {\w+}?", follow_settings('{0} = "gpt2"')),
    ],
    "cli/defaults/values.py": [
        Row(
            settings('workers = "1"'),
            "write {a whole number}, without quotes",
            follow_settings("workers = 1"),
        ),
        Row(
            variable("GPTPREP_QUIET", "x"),
            "give {1, true, yes, on, 0, false, no or off}",
            follow_variable(""),
        ),
        Row(
            settings('tokenizer = "gpt2\\u0000"'),
            r"remove it from {\w+} in gptprep.toml",
            follow_settings('{0} = "gpt2"'),
        ),
    ],
    "cli/defaults/variables.py": [
        Row(variable("GPTPREP_TOKENISER", "gpt2"), r"did you mean {\w+}?", follow_variable("gpt2")),
    ],
    "cli/decode.py": [
        Row(
            "decode 1 x",
            "give ids, or one file of ids, or - for standard input",
            ("decode 1 2", "decode a.bin", "decode -"),
        )
    ],
    "cli/embed.py": [
        Row(
            "embed s -o e --batch-size x",
            "give a number of windows, or auto",
            ("embed s -o e --dim 2 --batch-size 3", "embed s -o e --dim 2 --batch-size auto -f"),
        )
    ],
    "cli/encode.py": [
        Row(
            "encode a.txt --count --format ids",
            "give one of them",
            ("encode a.txt --count", "encode a.txt --format ids"),
        ),
        Row(
            "encode a.txt --json --format npy",
            "give one of them",
            ("encode a.txt --json", "encode a.txt --format npy"),
        ),
    ],
    "cli/numbers.py": [
        Row(
            "window a.txt -o w -L 4 --shard-size big",
            "write it as 256MB, 1GiB or 1000000",
            (
                "window a.txt -o w -L 4 --shard-size 256MB",
                "window a.txt -o w -L 4 --shard-size 1GiB -f",
                "window a.txt -o w -L 4 --shard-size 1000000 -f",
            ),
        )
    ],
    "cli/options.py": [
        Row("encode a.txt --format xyz", "give {ids, .+ or bin}", each("encode a.txt --format {0}")),
        Row("window a.txt -o w -L x", "give a whole number", "window a.txt -o w -L 4"),
        Row(at_a_terminal("decode"), "give ids, or a file of ids", ("decode 1", "decode a.bin")),
        Row(
            at_a_terminal("window -o w"),
            "name a file or a folder",
            ("window a.txt -o w -L 4", "window mix -o w -L 4 -f"),
            files={"mix/a.txt": "one two three four five"},
        ),
        Row(
            at_a_terminal("encode"),
            "name a file, or give a text with -t",
            ("encode a.txt", "encode -t one"),
        ),
        Row(lambda _: argument_bytes(["\ud800"]), "write it to a file, and name the file", "encode a.txt"),
        Row(r"encode a.txt --separator '\q'", r"write \{\\q} for a backslash", backslash),
    ],
    "cli/run.py": [
        Row(no_memory, "free some, or give fewer {--workers}", "encode a.txt {0} 1"),
        Row(
            "$ mkdir gone; cd gone; rmdir ../gone; gptprep window $OLDPWD/a.txt -o w -L 4",
            "check that it exists and that you may use it",
            "window a.txt -o w -L 4",
        ),
        Row(
            "$ gptprep encode a.txt > /dev/full",
            "free some space, or send the output elsewhere",
            "encode a.txt",
        ),
    ],
    "cli/streams.py": [
        Row("$ gptprep encode a.txt >&-", "give an output with -o", "encode a.txt -o x.bin"),
        Row(
            at_a_terminal("encode a.txt --format npy"),
            "give a file with -o, or send standard output to a file or a pipe",
            (
                "encode a.txt --format npy -o x.npy",
                "encode a.txt --format npy",
            ),
        ),
    ],
    "cli/usage.py": [  # tests/cli/test_usage.py follows more of them
        Row("encode --tokeniser gpt2 a.txt", r"did you mean {--\w+}?", "encode {0} gpt2 a.txt"),
        Row("verfy s", r"did you mean {\w+}?", "{0} s"),
        Row("wc a.txt", "did you mean {gptprep count}?", "{0} a.txt"),
        Row("encode --version a.txt", "give it before the verb: {gptprep --version}", "{0}"),
        Row("window a.txt -L 4", r"give {--output DIR}", "window a.txt -L 4 {0}"),
        Row("encode a.txt --format", "give {--format} a value", "encode a.txt {0} ids"),
        Row("encode a.txt --count=3", "give {--count} alone", "encode a.txt {0}"),
        Row("verify s t", "see {gptprep verify} --help", "{0} --help"),
    ],
    "parallel/pool.py": [
        Row(
            lambda _: list(processes.run(die, [1, 2], 2)),
            "give fewer {--workers}",
            "encode a.txt {0} 1",
        )
    ],
    "parallel/workers.py": [
        Row("encode a.txt --workers 0", "give {1} or more", "encode a.txt --workers {0}")
    ],
    "cli/window.py": [
        Row(
            "window a.txt -o w -L 4 --part 1/1 --if-changed",
            "leave out {--if-changed}",
            ("window a.txt -o w -L 4 --part 1/1", "window a.txt -o w -L 4 {0}"),
        ),
        Row(
            "window a.txt -o w -L 4 --part 1/1 --force",
            "leave out {--force}",
            ("window a.txt -o w -L 4 --part 1/1", "window a.txt -o w -L 4 {0}"),
        ),
    ],
    "cli/vocab.py": [
        Row(
            "vocab a.txt --special-token '<|x|>' --no-special-tokens",
            "give one of them",
            ("vocab a.txt --special-token '<|x|>'", "vocab a.txt --no-special-tokens"),
        )
    ],
}
