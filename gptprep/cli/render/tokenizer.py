"""What `inspect` shows of a tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from gptprep.cli.numbers import plural, printable, size
from gptprep.cli.render.common import note, text_notes
from gptprep.cli.render.grid import LABEL, Cell, Table, bar, beside, grid, heading, labelled, shortened

if TYPE_CHECKING:
    from gptprep.pipelines.inspect.coverage import Coverage
    from gptprep.pipelines.inspect.merges import Merge
    from gptprep.pipelines.inspect.tokenizer import Entry, Found, TokenizerReport

KINDS = {
    "bpe": "byte-level BPE",
    "word": "words",
    "char": "characters",
    "hf": "Hugging Face tokenizer",
}
_SPECIAL = "magenta"
_MAX_SPECIALS = 12
_MAX_ROWS = 16
"""Lines of the histogram; what is longer is in the last one."""
_BAR, _TOKEN, _LONG_TOKEN, _HEX, _WIDE = 20, 12, 30, 24, 120
"""Cells."""


def tokenizer(report: TokenizerReport, width: int) -> Iterator[Text]:
    """The entries, the string or the text that was asked for; otherwise all that there is to say."""
    yield _title(report)
    asked = False
    if report.entries is not None:
        asked = True
        yield Text()
        yield from entries(report.entries, width).lines()
    if report.found is not None:
        asked = True
        yield Text()
        yield from _found(report.found, width)
    if report.coverage is not None:
        asked = True
        yield Text()
        yield from _coverage(report.coverage, width)
    if not asked:
        yield from labelled(facts(report, width), width)
        yield Text()
        first = [heading("First merges"), *merges(report.first_merges).lines()]
        long = [heading("Longest tokens, in bytes"), *longest(report.longest, width).lines()]
        yield from beside([_lengths(report), first, long], width)
    if report.engine_note:
        yield note(report.engine_note)


def _title(report: TokenizerReport) -> Text:
    """The name, the kind and the size, in one line."""
    what = f" · {KINDS[report.kind]} · {plural(report.n_vocab, 'id')}"
    return Text.assemble((printable(report.tokenizer), "bold"), what)


def facts(report: TokenizerReport, width: int) -> Iterator[tuple[str, Text | str]]:
    """What the tokenizer has."""
    if report.missing:
        ranges = ", ".join(
            f"{gap.start}" if gap.stop == gap.start + 1 else f"{gap.start}–{gap.stop - 1}"
            for gap in report.gaps
        )
        more = ", …" if sum(gap.stop - gap.start for gap in report.gaps) < report.missing else ""
        yield "without a token", f"{plural(report.missing, 'id')}: {ranges}{more}"
    yield "special tokens", _specials(report)
    if report.merges is not None:
        yield "merges", f"{report.merges:,}"
    yield "engine", report.engine
    yield "fingerprint", shortened(report.fingerprint, width - 20, LABEL)


def _specials(report: TokenizerReport) -> Text:
    by_id = sorted(report.special_tokens.items(), key=lambda item: item[1])
    shown = Text("none" if not by_id else "")
    for number, (token, token_id) in enumerate(by_id[:_MAX_SPECIALS]):
        shown.append(", " if number else "").append(token, _SPECIAL).append(f" {token_id}")
        shown.append(" (end of text)" if token_id == report.eot else "")
    if len(by_id) > _MAX_SPECIALS:
        shown.append(f" and {len(by_id) - _MAX_SPECIALS:,} more")
    return shown


def lengths(report: TokenizerReport) -> list[tuple[str, int]]:
    """How many tokens have each length in bytes, or one of the longest ones together."""
    counts = {length.bytes: length.tokens for length in report.lengths}
    longest = max(counts, default=0)
    labels = [str(n) for n in range(1, min(longest, _MAX_ROWS) + 1)]
    numbers = [counts.get(n, 0) for n in range(1, len(labels) + 1)]
    if longest > _MAX_ROWS:
        labels[-1] = f"{_MAX_ROWS}–{longest}"
        numbers[-1] = sum(n for length, n in counts.items() if length >= _MAX_ROWS)
    return list(zip(labels, numbers, strict=True))


def _lengths(report: TokenizerReport) -> list[Text]:
    """A histogram of the tokens' lengths."""
    counts = lengths(report)
    highest = max((n for _, n in counts), default=0)
    rows = [(Text(label, LABEL), f"{n:,}", bar(n / highest, _BAR)) for label, n in counts]
    return [heading("Tokens by length in bytes"), *grid(rows, ">><")]


def merges(found: Sequence[Merge]) -> Table:
    """Pairs of tokens, what they become, and its id."""
    rows = [
        (
            shortened(merge.left, _TOKEN),
            Text("+", LABEL),
            shortened(merge.right, _TOKEN),
            Text("→", LABEL),
            shortened(merge.token, _TOKEN),
            Text("" if merge.id is None else str(merge.id), LABEL),
        )
        for merge in found
    ]
    return Table(rows, "<<<<<>")


def longest(found: Sequence[Entry], width: int) -> Table:
    """Entries, and their bytes."""
    rows = [
        (
            Text(f"{entry.bytes:,}"),
            shortened(entry.token or "", min(_LONG_TOKEN, width - 16)),
            Text(str(entry.id), LABEL),
        )
        for entry in found
    ]
    return Table(rows, "><>")


def entries(found: Sequence[Entry], width: int) -> Table:
    """Entries of a vocabulary: id, token, bytes."""
    is_wide, hex_width = width >= 60, _HEX if width < _WIDE else 2 * _HEX
    rows: list[list[Cell]] = []
    for entry in found:
        token = Text("no token", LABEL)
        if entry.token is not None:
            style = _SPECIAL if entry.special else ""
            token = shortened(entry.token, width - 20 - (hex_width if is_wide else 0), style)
        row: list[Cell] = [Text(str(entry.id)), token, Text(f"{entry.bytes:,}" if entry.bytes else "")]
        if is_wide:
            pairs = " ".join(entry.hex[i : i + 2] for i in range(0, len(entry.hex), 2))
            row.append(Text("special", _SPECIAL) if entry.special else shortened(pairs, hex_width, LABEL))
        rows.append(row)
    header = ("id", "token", "bytes", "") if is_wide else ("id", "token", "bytes")
    return Table(rows, "><><"[: len(header)], header)


def _found(found: Found, width: int) -> Iterator[Text]:
    for sentence in sentences(found):
        yield shortened(sentence, width)
    if not found.count:
        return
    yield Text()
    yield from entries(found.entries, width).lines()


def sentences(found: Found) -> Iterator[str]:
    """What a string encodes to, and how many entries contain it."""
    ids = "cannot be encoded" if found.ids is None else f"encodes to {' '.join(map(str, found.ids))}"
    yield f"{found.string} {ids}"
    shown = "" if len(found.entries) == found.count else f"; the {len(found.entries):,} shortest"
    contain = "entry contains" if found.count == 1 else "entries contain"
    yield f"{found.count:,} {contain} it{shown}" if found.count else "no entry contains it"


def _coverage(coverage: Coverage, width: int) -> Iterator[Text]:
    facts = coverage_facts(coverage)
    yield from labelled(((label, _with_bar(value, share)) for label, value, share in facts), width)
    if coverage.missing:
        yield Text()
        highest = coverage.missing[0].occurrences
        rows = [
            (
                shortened(missing.token, width - 48),
                f"{missing.occurrences:,}",
                f"{100 * missing.occurrences / coverage.count:.2f} %",
                bar(missing.occurrences / highest, _BAR),
            )
            for missing in coverage.missing
        ]
        title = f"Most frequent of {plural(coverage.distinct_missing, f'missing {coverage.unit}')}"
        yield from beside([[heading(title), *grid(rows, "<>><")]], width)
    yield from text_notes(coverage)


def _with_bar(value: Text, share: float | None) -> Text:
    return value if share is None else value.append(" ").append_text(bar(share, _BAR))


def coverage_facts(coverage: Coverage) -> Iterator[tuple[str, Text, float | None]]:
    """How much of a text the vocabulary has, and how much of the vocabulary the text uses; with the share."""
    n_bytes = coverage.bytes if coverage.text_bytes is None else coverage.text_bytes
    yield "text", Text(f"{plural(coverage.documents, 'document')}, {size(n_bytes)}"), None
    if coverage.unit == "id":
        each = f", {n_bytes / coverage.count:.2f} bytes each" if coverage.count else ""
        yield "ids", Text(f"{coverage.count:,}{each}"), None
    elif coverage.count:
        share = coverage.covered / coverage.count
        of = f" of {plural(coverage.count, coverage.unit)}"
        yield "in the vocabulary", Text.assemble((f"{100 * share:.2f} %", "bold"), of), share
    if coverage.usable:
        share = coverage.used / coverage.usable
        used = f"{100 * share:.2f} % of {plural(coverage.usable, 'token')} ({coverage.used:,})"
        yield "vocabulary used", Text(used), share
