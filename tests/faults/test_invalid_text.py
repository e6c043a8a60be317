"""Invalid and unusual text through `window`, in blocks and parts of any size.

The slow reference: Python decodes each document as a whole, and tiktoken encodes it as a whole.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
import tiktoken

from gptprep.choices import ErrorPolicy, SpecialPolicy
from gptprep.corpus import blocks
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError
from gptprep.pipelines.window import WindowReport
from gptprep.tokens import parts
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.folders import window
from tests.helpers.trials import Trials

pytestmark = pytest.mark.faults
TRIED = "invalid or unusual texts"
EOT = "<|endoftext|>"
VALID = [
    *(
        "word",
        " ",
        "  ",
        "a",
        "\n",
        "\r",
        "\r\n",
        "\0",
        "\ufeff",
        "é",
        "你好",
        "🌊",
        "’s",
        "1234",
        ".",
        "。",
        "ﷺ",
    ),
    *(EOT, "<|endof", "text|>", "\x1c", "\u2028", "\U000e0001"),
]
INVALID = [
    *(b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf"),  # overlong
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb0\x80"),  # surrogates, alone and as a pair
    *(b"\xe4", b"\xe4\xbd", b"\xf0\x9f", b"\xf0\x9f\x8c", b"\xc3"),  # truncated
    *(b"\x80", b"\xbf\xbf", b"\xfe", b"\xff", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80"),  # never valid
]
SEPARATOR = "%%"


class Outcome(NamedTuple):
    """The ids of a text and the counts of the report."""

    ids: list[int]
    documents: int
    empty: int
    replaced: int
    skipped: int
    literal_specials: int


def random_text(random: Random, with_invalid: bool) -> bytes:
    """Valid text, invalid bytes and separators in any order, after a valid document."""
    text = [b"A valid line.", SEPARATOR.encode()]
    for _ in range(random.randrange(1, 40)):
        if with_invalid and random.randrange(6) == 0:
            text.append(random.choice(INVALID))
        elif random.randrange(12) == 0:
            text.append(SEPARATOR.encode())
        else:
            text.append(random.choice(VALID).encode())
    return b"".join(text)


def expected_outcome(
    data: bytes, errors: ErrorPolicy, special: SpecialPolicy, separator: str | None, gpt2: tiktoken.Encoding
) -> Outcome | set[bytes]:
    """What a text gives; if it is refused, what the error may name (one of these comes first)."""
    documents = data.split(separator.encode()) if separator else [data]
    if separator and not documents[-1]:
        documents.pop()
    streams: list[list[int]] = []
    refused: set[bytes] = set()
    empty = replaced = skipped = specials = 0
    for document in documents:
        try:
            text = document.decode()
        except UnicodeDecodeError as error:
            if errors == "strict":
                refused.add(document[error.start : error.start + 1])
                if special == "error" and EOT.encode() in document[: error.start]:
                    refused.add(EOT.encode())
            if errors != "replace":
                skipped += 1
                continue
            text = document.decode(errors="replace")
            replaced += text.count("\ufffd")
        empty += not text
        specials += text.count(EOT)
        if special == "error" and EOT in text:
            refused.add(EOT.encode())
        allowed = {EOT} if special == "allow" else set()
        if text:
            streams.append(gpt2.encode(text, allowed_special=allowed, disallowed_special=()))
    if refused or not streams:
        return refused
    ended = [
        stream if stream[-1:] == [gpt2.eot_token] else [*stream, gpt2.eot_token] for stream in streams[:-1]
    ]
    ids = [token_id for stream in [*ended, streams[-1]] for token_id in stream]
    return Outcome(ids, len(streams), empty, replaced, skipped, specials)


def names_what_is_refused(message: str, refused: set[bytes], data: bytes) -> bool:
    """Whether an error names something that is refused, at its place if a byte offset is given."""
    if not refused:
        return "no text in" in message
    place = re.search(r"offset (\d+)", message)
    for what in refused:
        name = EOT if what == EOT.encode() else f"byte 0x{what[0]:02x} "
        if name in message and (not place or data[int(place[1]) :].startswith(what)):
            return True
    return False


def stored_outcome(folder: Path, report: WindowReport) -> Outcome:
    """The ids that were written and the counts of the report, which are those of the manifest."""
    source = report.manifest.sources[0]
    counts = Outcome._fields[1:]
    assert [getattr(report, name) for name in counts] == [getattr(source, name) for name in counts]
    stored = sorted((folder / "train").glob("tokens-*.npy"))
    ids = np.concatenate([np.load(file) for file in stored]).tolist()
    return Outcome(ids, *(getattr(report, name) for name in counts))


def window_text(path: Path, **encoding: object) -> Outcome:
    """The outcome of a run over one file, which replaces that of the run before."""
    folder = path.with_name("s")
    spec = EncodingSpec(**encoding)  # type: ignore[arg-type]
    report = window([path], folder, context_length=1, layout="tokens", encoding=spec, force=True)
    return stored_outcome(folder, report)


@pytest.mark.parametrize("separator", [None, SEPARATOR])
@pytest.mark.parametrize("special", ["allow", "text", "error"])
@pytest.mark.parametrize("errors", ["strict", "replace", "skip"])
def test_text_gives_the_ids_and_counts_of_the_reference_or_a_named_error(
    tmp_path: Path,
    trials: Trials,
    monkeypatch: pytest.MonkeyPatch,
    reference: tiktoken.Encoding,
    errors: ErrorPolicy,
    special: SpecialPolicy,
    separator: str | None,
) -> None:
    count, random, wrong = trials.planned(TRIED, 18), Random(f"{errors} {special} {separator}"), []
    path, text = tmp_path / "a.txt", TextOptions(errors=errors, separator=separator)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    for number in range(count):
        monkeypatch.setattr(blocks, "BLOCK_BYTES", random.choice((1, 2, 3, 7, 1 << 20)))
        monkeypatch.setattr(parts, "PART_BYTES", random.choice((5, 16, 64, 1 << 24)))
        data = random_text(random, errors != "strict" or number % 2 == 0)
        path.write_bytes(data)
        expected = expected_outcome(data, errors, special, separator, reference)
        try:
            outcome = window_text(path, special=special, text=text)
        except GptprepError as error:
            if not isinstance(expected, set) or not names_what_is_refused(str(error), expected, data):
                wrong.append(f"{data!r}: {error}, but expected {expected}")
        else:
            if outcome != expected:
                wrong.append(f"{data!r}: {outcome} is not {expected}")
    trials.count(TRIED, count, wrong)


def test_words_of_a_million_characters_give_the_ids_of_the_reference(
    tmp_path: Path, reference: tiktoken.Encoding
) -> None:
    random = Random(1)
    mixed = "".join(random.choices("abcdefgh", k=1_000_000))
    text = " ".join(["a" * 1_000_000, mixed, "é" * 300_000, "-" * 1_000_000])
    (tmp_path / "a.txt").write_text(text)
    report = window([tmp_path / "a.txt"], tmp_path / "s", context_length=1, layout="tokens", workers=2)
    assert stored_outcome(tmp_path / "s", report).ids == reference.encode(text)
