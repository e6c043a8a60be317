"""`python -m benchmarks`: run every peer in turn, several times, and print a table of the medians."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.cores import cores
from benchmarks.corpus import KINDS, make_corpus
from benchmarks.embedding import EMBEDDERS, prepare_embedding
from benchmarks.first_ids import COMMANDS, measure_first_ids
from benchmarks.forms import FORM_PEERS, check_forms, prepare_forms
from benchmarks.materials import prepare
from benchmarks.measure import measure_in_turn
from benchmarks.peers import CONTEXT_LENGTH, PEERS, Peer, asked, has_module
from benchmarks.reading import READERS, measure_readers, prepare_reading
from benchmarks.reading import table as reading_table
from benchmarks.scaling import scaling
from benchmarks.strides import STRIDE, STRIDES, prepare_ids
from benchmarks.tables import MEMORY, check_counts, check_exact, seconds_table, table
from benchmarks.tokenizers import expected_ids, prepare_tokenizers, tokenizer_files, tokenizer_peers
from benchmarks.training import TRAINERS, measure_trainers


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure whole processes side by side on the same text. Files are written to TMPDIR.",
    )
    parser.add_argument("corpus", nargs="?", type=Path, help="a text file; without it one is generated")
    parser.add_argument("--kind", choices=list(KINDS), default="prose", help="kind of the generated corpus")
    parser.add_argument(
        "--megabytes", type=float, help="size of the generated corpus [100, or 20 for --tokenizers]"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each peer")
    parser.add_argument(
        "--peers", nargs="+", metavar="WORD", help="only peers with one of these words in their name"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--strides", action="store_true", help=f"write windows of stride {STRIDE} of a file of ids"
    )
    what.add_argument("--forms", action="store_true", help="the same text as text, JSON Lines, Parquet, ...")
    what.add_argument("--tokenizers", action="store_true", help="use tokenizer.json files, made up or yours")
    what.add_argument("--reading", action="store_true", help="read batches of random windows as tensors")
    what.add_argument("--embed", action="store_true", help="write token + position embeddings")
    what.add_argument(
        "--scaling", action="store_true", help="corpora of several sizes, and the floor of each"
    )
    what.add_argument("--cores", action="store_true", help="what more cores would do, from CPU times")
    what.add_argument("--training", action="store_true", help="train byte-level BPE vocabularies")
    parser.add_argument(
        "--tokenizer",
        nargs="+",
        action="extend",
        type=Path,
        default=[],
        metavar="FILE",
        help="for --tokenizers, a tokenizer.json instead of made-up ones",
    )
    parser.add_argument("--windows", type=int, default=1400, help="for --embed, 3 MB of embeddings each")
    parser.add_argument(
        "--sizes", nargs="+", type=float, default=[10.0, 100.0, 1000.0], help="for --scaling, in MB"
    )
    options = parser.parse_args()
    if (options.scaling or options.cores) and options.corpus:
        parser.error("--scaling and --cores generate their corpora: leave out the text file")
    if options.tokenizer and not options.tokenizers:
        parser.error("--tokenizer: give --tokenizers too")
    if options.runs < 1:
        parser.error("--runs: give 1 or more")
    if options.megabytes is None:
        options.megabytes = 20.0 if options.tokenizers else 100.0
    return options


def chosen(peers: dict[str, Peer], words: list[str] | None) -> dict[str, Peer]:
    """The peers that are asked for and installed; prints a line for each that is not installed."""
    named = asked(peers, words)
    for name, peer in named.items():
        if not peer.is_installed:
            print(f"{name}: left out, not installed (pip install {peer.needs[1]})")
    installed = {name: peer for name, peer in named.items() if peer.is_installed}
    if not installed:
        sys.exit(f"no peer to measure; there are: {', '.join(peers)}")
    return installed


def compare(options: argparse.Namespace, folder: Path) -> list[str]:
    """Compare all peers, from text to ids or windows."""
    peers = chosen(PEERS, options.peers)
    place_corpus(options, folder)
    prepare(folder)
    runs = measure_in_turn(peers, folder, options.runs)
    if wrong := check_counts(runs, CONTEXT_LENGTH):
        sys.exit("\n".join(wrong))
    n_bytes = (folder / "corpus.txt").stat().st_size
    return [
        f"{n_bytes / 1e6:,.0f} MB of text:",
        *table(runs, dict.fromkeys(runs, n_bytes), "MB/s"),
        "",
        MEMORY,
    ]


def compare_strides(options: argparse.Namespace, folder: Path) -> list[str]:
    """Compare ways to write overlapping windows from a file of ids."""
    peers = chosen(STRIDES, options.peers)
    place_corpus(options, folder)
    prepare_ids(folder)
    runs = measure_in_turn(peers, folder, options.runs)
    if wrong := check_counts(runs, 0):
        sys.exit("\n".join(wrong))
    n_ids = (folder / "ids.bin").stat().st_size // 2
    n_bytes = {name: measured[0].n_ids * 2 for name, measured in runs.items()}
    return [f"{n_ids:,} ids, stride {STRIDE}:", *table(runs, n_bytes, "MB/s written"), "", MEMORY]


def compare_forms(options: argparse.Namespace, folder: Path) -> list[str]:
    """Compare the forms that a corpus comes in, and ways to encode each."""
    peers = chosen(FORM_PEERS, options.peers)
    place_corpus(options, folder)
    prepare_forms(folder)
    runs = measure_in_turn(peers, folder, options.runs)
    if wrong := check_forms(runs, folder):
        sys.exit("\n".join(wrong))
    n_bytes = (folder / "corpus.txt").stat().st_size
    return [f"{n_bytes / 1e6:,.0f} MB of text in several forms:", *seconds_table(runs), "", MEMORY]


def compare_tokenizers(options: argparse.Namespace, folder: Path) -> list[str]:
    """Compare ways to encode with a `tokenizer.json`, of which all must give the same ids."""
    if not has_module("tokenizers"):
        sys.exit("--tokenizers: pip install tokenizers")
    place_corpus(options, folder)
    prepare_tokenizers(folder, options.tokenizer)
    files = tokenizer_files(folder)
    for name in [name for name, file in files.items() if file.end_of_text is None]:
        print(f"{name}: windows of several documents left out, gptprep knows no end-of-text token of it")
    peers, commands = asked(tokenizer_peers(folder), options.peers), asked(COMMANDS, options.peers)
    if not peers and not commands:
        sys.exit(f"no peer to measure; there are: {', '.join([*tokenizer_peers(folder), *COMMANDS])}")
    expected = expected_ids(peers, folder)
    runs = measure_in_turn(peers, folder, options.runs)
    if wrong := check_exact(runs, expected):
        sys.exit("\n".join(wrong))
    paths = {name: file.path for name, file in files.items()}
    of_first_ids = measure_first_ids(list(commands), paths, folder, options.runs)
    n_bytes = (folder / "corpus.txt").stat().st_size
    lines = [f"{n_bytes / 1e6:,.0f} MB of text:", ""]
    for name, file in files.items():
        lines += [f"{name}, {file.n_vocab:,} ids, {Path(file.path).stat().st_size / 1e6:.1f} MB:", ""]
        own = {peer.removesuffix(f", {name}"): runs[peer] for peer in runs if peer.endswith(f", {name}")}
        lines += [*table(own, dict.fromkeys(own, n_bytes), "MB/s"), ""] if own else []
        lines += [*seconds_table(of_first_ids[name]), ""] if of_first_ids[name] else []
    return [*lines, MEMORY]


def compare_reading(options: argparse.Namespace, folder: Path) -> list[str]:
    """Compare ways to read windows as tensors."""
    readers = asked(READERS, options.peers)
    for name in [name for name, reader in readers.items() if not reader.is_installed]:
        print(f"{name}: left out, not installed (pip install {' '.join(readers.pop(name).needs)})")
    if not readers:
        sys.exit(f"no reader to measure; there are: {', '.join(READERS)}")
    place_corpus(options, folder)
    prepare(folder)
    prepare_ids(folder)
    prepare_reading(folder)
    return reading_table(measure_readers(readers, folder, options.runs))


def compare_embed(options: argparse.Namespace, folder: Path) -> list[str]:
    """Compare `embed` with a plain loop and with the disk."""
    peers = chosen(EMBEDDERS, options.peers)
    prepare_embedding(folder, options.windows)
    runs = measure_in_turn(peers, folder, options.runs)
    if wrong := check_counts(runs, 0):
        sys.exit("\n".join(wrong))
    n_bytes = {name: measured[0].n_ids * 4 for name, measured in runs.items()}
    return [
        f"{options.windows:,} windows of 1,024 ids, width 768, float32:",
        *table(runs, n_bytes, "MB/s written", "numbers"),
        "",
        MEMORY,
    ]


def compare_training(options: argparse.Namespace, folder: Path) -> list[str]:
    """Compare trainers of byte-level BPE."""
    trainers = chosen(TRAINERS, options.peers)
    place_corpus(options, folder)
    os.sync()
    runs = measure_trainers(list(trainers), folder, options.runs)
    n_bytes = (folder / "corpus.txt").stat().st_size
    return [f"{n_bytes / 1e6:,.0f} MB of text:", "", *seconds_table(runs, "merges"), "", MEMORY]


def place_corpus(options: argparse.Namespace, folder: Path) -> None:
    """Make `corpus.txt` a link to the corpus that the user names, or generate it."""
    if options.corpus:
        (folder / "corpus.txt").symlink_to(options.corpus.resolve())
    else:
        make_corpus(folder / "corpus.txt", int(options.megabytes * 1e6), options.kind)


def chosen_comparison(options: argparse.Namespace) -> Callable[[argparse.Namespace, Path], list[str]]:
    """The comparison that the options ask for."""
    if options.strides:
        return compare_strides
    if options.forms:
        return compare_forms
    if options.tokenizers:
        return compare_tokenizers
    if options.reading:
        return compare_reading
    if options.training:
        return compare_training
    return compare_embed if options.embed else compare


def main() -> None:
    """Parse, measure and print."""
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.cores:
            lines = cores(folder, options.megabytes, options.runs, options.kind, options.peers)
        elif options.scaling:
            lines = scaling(folder, options.sizes, options.runs, options.kind, options.peers)
            lines += ["", MEMORY]
        else:
            lines = chosen_comparison(options)(options, folder)
    print(f"{options.runs} runs, {os.cpu_count()} cores, {platform.platform()}")
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
