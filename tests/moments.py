"""Runs that are ended at a random moment: `python -m tests.moments FOLDER KIND COUNT SEED ARGS`.

KIND is what is sent: "kill" (SIGKILL to the run), "worker" (SIGKILL to one of its workers), "interrupt"
(SIGINT to all of its processes, as Ctrl-C does) or "terminate" (SIGTERM to the run). After each, none of its
processes is left, and the same command is run again. Prints what was tried and what did not hold, as JSON.
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

from gptprep.pipelines import parts
from tests import children
from tests.disturbed import Disturbed, adopt_orphans
from tests.faults import PART_BYTES

SENT = {
    "kill": signal.SIGKILL,
    "worker": signal.SIGKILL,
    "interrupt": signal.SIGINT,
    "terminate": signal.SIGTERM,
}
CODES = {
    "kill": {-signal.SIGKILL},
    "worker": {1},
    "interrupt": {130, -signal.SIGINT},  # before the verb is at work, without a word
    "terminate": {143, -signal.SIGTERM},
}


def attempts(kind: str, count: int, seed: int, arguments: list[str]) -> Iterator[list[str]]:
    """What did not hold, for each moment at which a run was still there."""
    disturbed, random = Disturbed(arguments), Random(f"{kind} {seed}")
    began = time.monotonic()
    children.run([*arguments, "--force"])
    usual = time.monotonic() - began
    tried = 0
    for _ in range(100 * count):
        if tried == count:
            return
        disturbed.begin()
        pid = children.start(partial(_in_a_group, arguments))
        time.sleep(random.uniform(0, 1.2 * usual))
        hit = _send(kind, pid, random)
        ended = children.wait(pid)
        wrong = disturbed.wrong(ended, CODES[kind] | {0})
        if hit and (ended.code or wrong):  # else it had ended before
            tried += 1
            yield [f"moment {tried}: {line}" for line in wrong]
    raise SystemExit("too few of the runs were there to be hit")


def _in_a_group(arguments: list[str]) -> int:
    os.setpgid(0, 0)
    return children.gptprep(arguments)


def _send(kind: str, pid: int, random: Random) -> bool:
    """Whether there was anybody to send it to."""
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


if __name__ == "__main__":
    adopt_orphans()
    os.chdir(sys.argv[1])
    children.load([*sys.argv[5:], "--force"])
    parts.PART_BYTES = PART_BYTES
    found = list(attempts(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]))
    sys.stdout.write(json.dumps({"tried": len(found), "wrong": [line for wrong in found for line in wrong]}))
