"""`python -m benchmarks.one NAME FOLDER OUTPUT`: run one peer once, in this process."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.embedding import EMBEDDERS
from benchmarks.forms import FORM_PEERS
from benchmarks.peers import PEERS
from benchmarks.strides import STRIDES
from benchmarks.tokenizers import check_peers, tokenizer_peers
from benchmarks.training import TRAINERS


def main(arguments: list[str]) -> None:
    """Run one peer."""
    name, folder, output = arguments
    of_tokenizers = tokenizer_peers(Path(folder)) | check_peers(Path(folder))
    peers = PEERS | STRIDES | EMBEDDERS | FORM_PEERS | TRAINERS | of_tokenizers
    peers[name].run(Path(folder), Path(output))


if __name__ == "__main__":
    main(sys.argv[1:])
