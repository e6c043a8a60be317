"""`python -m benchmarks.one NAME FOLDER OUTPUT`: one way, once, in this process."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.embedding import EMBEDDERS
from benchmarks.peers import PEERS
from benchmarks.strides import STRIDES

if __name__ == "__main__":
    (PEERS | STRIDES | EMBEDDERS)[sys.argv[1]].run(Path(sys.argv[2]), Path(sys.argv[3]))
