"""Job arrays whose processes are killed: `main([FOLDER, KILLS])` kills as many processes at random moments.

Eight are started at once. Any seven of them are killed, and started again, until all have ended well.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

from gptprep.tokens import parts
from tests.helpers import forked, survival
from tests.helpers.folders import contents

PROCESSES = 8
COMMAND = ["window", "corpus", "-L", "32", "--val-fraction", "0.1", "--workers", "1", "-q", "-o"]
WORDS = " ".join(f"word{n}" for n in range(3_000)) + "\n"


def rounds(kills: int) -> Iterator[list[str]]:
    """What was wrong, for each kill."""
    random, killed = Random(0), 0
    parts.PART_BYTES = 2_000
    Path("corpus").mkdir()
    Path("corpus/a.txt").write_text(WORDS * 4)
    lines = [json.dumps({"text": WORDS[n : n + 200]}) + "\n" for n in range(300)]
    Path("corpus/b.jsonl").write_text("".join(lines))
    expected = {}
    usual = 0.0
    for layout in ("pairs", "tokens"):
        started = time.monotonic()
        assert forked.run([*COMMAND, f"expected-{layout}", "--layout", layout]).code == 0
        usual = max(usual, time.monotonic() - started)
        expected[layout] = contents(Path(f"expected-{layout}"))
    while killed < kills:
        layout = random.choice(("pairs", "tokens"))
        output = f"out-{killed}"
        arguments = [*COMMAND, output, "--layout", layout]
        running = {number: _start(arguments, number) for number in range(PROCESSES)}
        time.sleep(random.uniform(0, 2 * usual))
        again = random.sample(range(PROCESSES), PROCESSES - 1)
        wrong = []
        for number in again:
            time.sleep(random.uniform(0, usual / 20))
            with suppress(ProcessLookupError):
                os.kill(running[number], signal.SIGKILL)
            if (ended := _wait(running[number], number)).code not in (0, -signal.SIGKILL):
                wrong.append(f"process {number} of {output} ended before it was killed: {ended.messages}")
        for number in again:
            running[number] = _start(arguments, number)
        for number, pid in running.items():
            if (ended := _wait(pid, number)).code:
                wrong.append(f"process {number} of {output} ended with {ended.code}: {ended.messages}")
        if not Path(output).exists() or contents(Path(output)) != expected[layout]:
            wrong.append(f"{output} is not what one process writes")
        wrong += [f"{name} is left" for name in os.listdir() if name.startswith(f"{output}.")]
        yield from ([line] for line in wrong)
        yield from ([] for _ in again[len(wrong) :])
        killed += len(again)


def _start(arguments: list[str], number: int) -> int:
    forked.messages_file = f"messages-{number}"
    return forked.start(partial(forked.gptprep, [*arguments, "--part", f"{number}/{PROCESSES}"]))


def _wait(pid: int, number: int) -> forked.Ended:
    forked.messages_file = f"messages-{number}"
    return forked.wait(pid)


def main(arguments: list[str]) -> None:
    """Run the driver."""
    folder, kills = arguments
    os.chdir(folder)
    forked.load_verbs(["window"])
    survival.report(rounds(int(kills)))


if __name__ == "__main__":
    main(sys.argv[1:])
