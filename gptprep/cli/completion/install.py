"""`gptprep --install-completion` and `--show-completion`: the script of a shell, and where it goes."""

import errno
import os
import re
from typing import NamedTuple

from gptprep.cli.completion.scripts import SCRIPTS
from gptprep.errors import GptprepError, UsageError, os_errors
from gptprep.storage.publish import publish_file

_SHELLS = "bash, zsh or fish"
_WITHOUT_FILES = {
    "bash": "source <(gptprep --show-completion bash)",
    "zsh": "source <(gptprep --show-completion zsh)",
    "fish": "gptprep --show-completion fish | source",
}
"""Commands for a home that cannot be written."""


class _Place(NamedTuple):
    """Where a shell looks for completion."""

    script: str
    start_file: str | None
    """The file that the shell reads when it starts and that must name the script; None if it need not."""


def script_of(shell: str) -> str:
    """The script of a shell.

    Args:
        shell: its name; if it is empty, that of the shell that runs this.

    Raises:
        UsageError: there is no script for that shell, or it is not known which it is.
    """
    return SCRIPTS[_known(shell, "--show-completion")]


def install(shell: str) -> list[str]:
    """Write the script of a shell where the shell finds it; returns what to tell the user.

    What is there already stays as it is. Two lines are added at the end of the file that the shell reads when
    it starts, unless it names the script.

    Args:
        shell: as for `script_of`.

    Raises:
        UsageError: as `script_of`.
        GptprepError: a file cannot be written.
    """
    shell = _known(shell, "--install-completion")
    place = _place(shell)
    changes = []
    try:
        if _write_script(place.script, SCRIPTS[shell]):
            changes.append(f"wrote {place.script}")
        if place.start_file and _name_script(place.start_file, place.script):
            changes.append(f"added it to {place.start_file}")
    except GptprepError as error:
        fix = f"run {_WITHOUT_FILES[shell]} in a shell, or make that place writable"
        raise GptprepError(error.what, error.why, fix) from error
    done = f"completion for {shell}: {'; '.join(changes)}"
    if not changes:
        done = f"completion for {shell} is installed already: {place.script}"
    return [done, f"to use it now: exec {shell}, or open a new terminal"]


def _known(shell: str, option: str) -> str:
    """The name of a shell that has a script; found by the processes that run this if it is empty."""
    name = shell or _running_shell()
    if not name:
        what, why = "it is not known which shell this is", "none of the processes above is a shell"
        raise UsageError(what, why, f"give {option} {_SHELLS}")
    if name not in SCRIPTS:
        why = "it is known for bash, zsh and fish only"
        raise UsageError(f"there is no completion for {name[:40]}", why, f"give {option} {_SHELLS}")
    return name


def _running_shell() -> str:
    import shellingham

    try:
        return str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        return os.path.basename(os.environ.get("SHELL", ""))


def _place(shell: str) -> _Place:
    home = os.path.expanduser("~")
    if shell == "bash":
        return _Place(f"{home}/.bash_completions/gptprep.sh", f"{home}/.bashrc")
    if shell == "zsh":
        return _Place(f"{home}/.zfunc/_gptprep", f"{os.environ.get('ZDOTDIR') or home}/.zshrc")
    settings = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return _Place(f"{settings}/fish/completions/gptprep.fish", None)


def _write_script(path: str, script: str) -> bool:
    """Write the script, unless it is there; returns whether it was written."""
    with os_errors("write", path):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if file.read() == script.encode():
                    return False
    with publish_file(path, force=True) as out:
        out.write(script.encode())
    return True


def _name_script(start_file: str, script: str) -> bool:
    """Let a file that the shell reads when it starts name the script; returns whether that was needed.

    It is the user's own file, and perhaps a link: it is only appended to, at once, and a write that fails is
    undone.
    """
    name = script.removeprefix(os.path.expanduser("~/"))
    lines = f"\n# Completion of gptprep\nif [ -r ~/{name} ]; then source ~/{name}; fi\n".encode()
    with os_errors("write", start_file), open(start_file, "a+b", buffering=0) as file:
        file.seek(0)
        text = file.read()
        if re.search(rb"^[^#\n]*(?:source|\.)\s[^#\n]*" + re.escape(name).encode(), text, re.MULTILINE):
            return False
        if text and not text.endswith(b"\n"):
            lines = b"\n" + lines
        try:
            written = file.write(lines)
            if written != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(len(text))
            raise
    return True
