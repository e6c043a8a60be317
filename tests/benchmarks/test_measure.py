"""What is measured of a run, and what is computed from several runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiktoken

from benchmarks.cores import Cost
from benchmarks.cores import table as cores_table
from benchmarks.measure import Run, count_ids, measure
from benchmarks.measure import _Memory as Memory
from benchmarks.peers import PEERS
from benchmarks.scaling import exponent
from benchmarks.tables import check_counts, check_exact, seconds_table


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="memory is read from /proc")
def test_memory_is_that_of_all_processes_together() -> None:
    hold = "held = bytearray(b'x') * 100_000_000; import time; time.sleep(20)"
    both = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {hold!r}]); {hold}"
    with subprocess.Popen([sys.executable, "-c", both], start_new_session=True) as process:
        memory = Memory(process.pid)
        for _ in range(300):  # until both hold their memory, on a slow machine too
            time.sleep(0.05)
            if memory._peak > 200_000_000:
                break
        peak = memory.stop()
        os.killpg(process.pid, 9)
    assert peak
    assert 200_000_000 < peak < 260_000_000


def test_run_counts_ids_and_leaves_no_output(materials: Path, reference: tiktoken.Encoding) -> None:
    measured = measure("gptprep encode", PEERS["gptprep encode"], materials)
    text = (materials / "corpus.txt").read_bytes().decode()
    assert measured.n_ids == len(reference.encode_ordinary(text))
    assert measured.seconds > 0
    assert not (materials / "output").exists()


def test_peer_that_does_less_is_found() -> None:
    runs = {name: [Run(1.0, None, n)] for name, n in {"a": 1000, "b": 1010, "lazy": 500}.items()}
    assert [line.split(":")[0] for line in check_counts(runs, 0)] == ["lazy"]


def test_exponent_is_that_of_the_time_beyond_start_up() -> None:
    assert exponent({1000: 0.5, 10**7: 0.6, 10**8: 1.5, 10**9: 10.5}).endswith("bytes**1.00.")
    assert exponent({1000: 0.5, 10**7: 0.4}).startswith("too few")


def test_run_of_another_number_of_ids_is_found() -> None:
    runs = {"right": [Run(1.0, None, 3)], "wrong": [Run(1.0, None, 3), Run(1.0, None, 4)]}
    assert [line.split(":")[:1] for line in check_exact(runs, {"right": 3, "wrong": 3})] == [["wrong"]]


def test_ids_of_a_report_of_count_are_counted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gptprep", "count", "-", "--json"]
    with (tmp_path / "report.json").open("wb") as report:
        subprocess.run(command, input=b"Hello, world.", stdout=report, check=True)
    assert count_ids(tmp_path, "report.json", 2) == 4


def test_seconds_are_compared_to_the_first_peer() -> None:
    runs = {
        "a": [Run(2.0, None, 5, 3.0), Run(1.0, None, 5), Run(4.0, 10**6, 5, 5)],
        "b": [Run(3.0, None, 1234)],
    }
    assert seconds_table(runs)[2:] == [
        "| a | 2.00 | 4.00 to 1.00 | 1.00 | 3.00 | 5 | 1 MB |",
        "| b | 3.00 | 3.00 to 3.00 | 1.50 | 0.00 | 1,234 | not measured |",
    ]


def test_more_cores_help_until_the_parent_needs_as_long() -> None:
    costs = {"a": (Cost(0.6, 1.0), Cost(1.5, 10.0)), "b": (Cost(0.5, 1.0), Cost(0.5, 10.0))}
    lines = cores_table(costs, (10**9, 10**10))
    assert lines[2:] == [
        "| a | 0.50 | 0.100 | 1.00 | 9.5 | 9.5 | 9.5 |",
        "| b | 0.50 | 0.000 | 1.00 | 14.8 | 48.5 | 78.0 |",
    ]
