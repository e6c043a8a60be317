"""What the shell offers when Tab is pressed: `gptprep --install-completion`.

The script in the shell runs `gptprep` with its name in `_GPTPREP_COMPLETE` and the words of the line as
arguments, and reads the offers from standard output. A Tab must be answered at once, so options are read from
the signatures of the verbs: building typer's commands would take twice as long as everything else.
"""

import os
import sys


def answer(shell: str, words: list[str]) -> int:
    """Write what can follow on a line; returns the exit code.

    If it is not 0, the shell completes files. Whatever goes wrong, nothing is written into the user's prompt.

    Args:
        shell: bash, zsh or fish.
        words: as the script of the shell gives them.
    """
    try:
        from gptprep.cli.completion.replies import reply

        data = os.fsencode(reply(shell, words))
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except Exception:
        return 1
    return 0
