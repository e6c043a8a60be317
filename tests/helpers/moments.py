"""Runs that are ended at a random moment: `python -m tests.helpers.moments FOLDER KIND COUNT SEED ARGS`.

KIND is what is sent: "kill" (SIGKILL to the run), "worker" (SIGKILL to one of its workers), "interrupt"
(SIGINT to all of its processes, as Ctrl-C does) or "terminate" (SIGTERM to the run). After each, no process
of the run is left, and the same command succeeds. Prints what was tried and what did not hold.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

from tests.helpers import forked, survival

SENT = {
    "kill": signal.SIGKILL,
    "worker": signal.SIGKILL,
    "interrupt": signal.SIGINT,
    "terminate": signal.SIGTERM,
}
CODES = {
    "kill": {-signal.SIGKILL},
    "worker": {1},
    "interrupt": {130, -signal.SIGINT},  # before the verb starts, without a message
    "terminate": {143, -signal.SIGTERM},
}


def attempts(kind: str, count: int, seed: int, arguments: list[str]) -> Iterator[list[str]]:
    """What did not hold, for each moment at which the run had not ended yet."""
    command, random = survival.Command(arguments), Random(f"{kind} {seed}")
    usual = 1.0  # seconds of a run, soon measured
    tried = 0
    for _ in range(100 * count):
        if tried == count:
            return
        command.reset()
        started = time.monotonic()
        pid = forked.start(partial(_in_own_group, arguments))
        was_running = not _ends_within(random.uniform(0, usual), pid)
        usual = 1.1 * usual if was_running else time.monotonic() - started
        was_sent = was_running and _send(kind, pid, random)
        ended = forked.wait(pid)
        wrong = command.problems(ended, CODES[kind] | {0})
        if was_sent and (ended.code or wrong):  # otherwise it had ended before
            tried += 1
            yield [f"moment {tried}: {line}" for line in wrong]
    raise SystemExit("too few runs were still running")


def _ends_within(seconds: float, pid: int) -> bool:
    descriptor = os.pidfd_open(pid)
    ended, _, _ = select.select([descriptor], [], [], seconds)
    os.close(descriptor)
    return bool(ended)


def _in_own_group(arguments: list[str]) -> int:
    os.setpgid(0, 0)
    return forked.gptprep(arguments)


def _send(kind: str, pid: int, random: Random) -> bool:
    """Send the signal; returns whether there was a process to receive it."""
    with suppress(OSError):
        if kind == "interrupt":
            os.killpg(pid, SENT[kind])
        elif kind == "worker":
            workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not workers:
                return False
            os.kill(int(random.choice(workers)), SENT[kind])
        else:
            os.kill(pid, SENT[kind])
        return True
    return False


def main(arguments: list[str]) -> None:
    """Run the driver."""
    folder, kind, count, seed, *command = arguments
    survival.prepare(folder, command)
    survival.report(attempts(kind, int(count), int(seed), command))


if __name__ == "__main__":
    main(sys.argv[1:])
