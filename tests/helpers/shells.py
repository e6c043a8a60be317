"""Interactive shells in a terminal, in which completion is tried: keys go in, and what appears comes out."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.helpers.paths import TOP

SECONDS = 60
"""After this time a shell that does not answer is an error."""
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
_PROMPT = "READY> "
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78])|[\x00\x07\x0e\x0f]"
)
_PROGRAM = """#!/bin/sh
if [ -n "$_GPTPREP_COMPLETE" ] || [ "$1" != "${{1#--*-completion}}" ]; then
    exec {python} -m gptprep "$@"
fi
printf '@start'
for word; do printf '%s\\037' "$word"; done
printf '@end\\n'
"""
"""Shows the words that a shell gives it, unless the shell asks it for completion."""
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
_KILL_LINE = "\x15"
"""Ctrl-U. Ctrl-C would also drop keys that the shell has not read yet."""
_BASHRC = f"PS1='{_PROMPT}'\nunset HISTFILE\n"
_INPUTRC = """set show-all-if-ambiguous on
set bell-style none
set page-completions off
set completion-query-items 0
set enable-bracketed-paste off
"""
_ZSHRC = f"PROMPT='{_PROMPT}'\nunsetopt beep prompt_cr prompt_sp\nunset zle_bracketed_paste\n"
_FISH = f"""function fish_prompt; echo -n '{_PROMPT}'; end
function fish_greeting; end
set -g fish_autosuggestion_enabled 0
"""
START_FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
_TEXTS = {".bashrc": _BASHRC, ".inputrc": _INPUTRC, ".zshrc": _ZSHRC, ".config/fish/config.fish": _FISH}


class Shell:
    """An interactive shell with a home of its own.

    Args:
        home: its home; it starts in the folder `work` in it.
        start_file: what is added to the file that it reads when it starts.
    """

    def __init__(self, name: str, home: Path, start_file: str = "") -> None:
        self.name, self.home, self.work = name, home, home / "work"
        for path, text in _TEXTS.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text + (start_file if path == START_FILES[name] else ""))
        if name == "fish":  # otherwise it reads the manual pages of all programs when it starts
            (home / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)
        self.work.mkdir(exist_ok=True)
        program = home / "bin" / "gptprep"
        program.parent.mkdir()
        program.write_text(_PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
        self._seen = ""
        self._start()
        self._wait_for(_PROMPT)

    def _start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if name.startswith("VIRTUAL")}
        env = {
            **kept,
            "HOME": str(self.home),
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(TOP),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
        }
        self._terminal, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (50, 500))
        command = [sys.executable, "-S", "-c", _TAKE_TERMINAL, self.name, "-i"]
        self._process = subprocess.Popen(
            command,
            cwd=self.work,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def words(self, keys: str) -> list[str]:
        """The words that `gptprep` gets when a line with some keys, such as Tab, is run."""
        found = self._typed(f"gptprep {keys}\r", r"@start(.*?)@end")
        self._wait_for(_PROMPT)
        return found[1].split("\x1f")[:-1]

    def shown(self, keys: str, last: str) -> str:
        """What is on the terminal after some keys, up to a word that a list of offers must have."""
        found = self._typed(f"gptprep {keys}", rf"(?<![\w-]){re.escape(last)}(?![\w-])")
        os.write(self._terminal, _KILL_LINE.encode())
        self.words("next")
        return found.string[: found.end()]

    def run(self, line: str, expected: str) -> None:
        """Run a line, and wait for what it writes and for the prompt."""
        self._typed(f"{line}\r", expected)
        self._wait_for(_PROMPT)

    def _typed(self, keys: str, expected: str) -> re.Match[str]:
        os.write(self._terminal, keys.encode())
        return self._wait_for_match(expected)

    def _wait_for(self, text: str) -> None:
        self._wait_for_match(re.escape(text))

    def _wait_for_match(self, expected: str) -> re.Match[str]:
        """Read until there is a match, and forget what is before its end."""
        deadline = time.monotonic() + SECONDS
        while not (found := re.search(expected, _ESCAPES.sub("", self._seen), re.DOTALL)):
            ready, _, _ = select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))
            data = b""
            with contextlib.suppress(OSError):  # the end of a terminal is an OSError
                data = os.read(self._terminal, 1 << 16) if ready else b""
            assert data, f"{self.name} does not show {expected!r}, but {self._seen!r}"
            self._seen += data.decode(errors="replace")
        self._seen = found.string[found.end() :]
        return found
