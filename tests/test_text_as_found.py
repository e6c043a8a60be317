"""Text as it is found, through `window`: what becomes of all kinds of bad bytes at any seam, and the counts.

The slow truth: Python decodes each document as a whole, and tiktoken encodes it as a whole.
"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
import tiktoken

from gptprep.corpus import Errors, TextOptions, reading
from gptprep.errors import GptprepError
from gptprep.pipelines import parts
from gptprep.pipelines.planning import WindowOptions, plan_window
from gptprep.pipelines.window import WindowReport, run_window
from gptprep.tokenizers import SpecialPolicy
from tests.trials import Trials

pytestmark = pytest.mark.faults
EOT = "<|endoftext|>"
GOOD = [
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
]
GOOD += [EOT, "<|endof", "text|>", "\x1c", "\u2028", "\U000e0001"]
BAD = [
    *(b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf"),  # overlong
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb0\x80"),  # surrogates, alone and as a pair
    *(b"\xe4", b"\xe4\xbd", b"\xf0\x9f", b"\xf0\x9f\x8c", b"\xc3"),  # cut short
    *(b"\x80", b"\xbf\xbf", b"\xfe", b"\xff", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80"),  # never valid
]
SEPARATOR = "%%"


class Truth(NamedTuple):
    """What has to come of a text, or where it has to be refused."""

    ids: list[int]
    documents: int
    empty: int
    replaced: int
    skipped: int
    literal_specials: int


def a_text(random: Random, bad: bool) -> bytes:
    """Good and bad stretches and separators, in any order, after a document of its own."""
    stretches = [b"It begins well.", SEPARATOR.encode()]
    for _ in range(random.randrange(1, 40)):
        if bad and random.randrange(6) == 0:
            stretches.append(random.choice(BAD))
        elif random.randrange(12) == 0:
            stretches.append(SEPARATOR.encode())
        else:
            stretches.append(random.choice(GOOD).encode())
    return b"".join(stretches)


def the_truth(
    data: bytes, errors: Errors, special: SpecialPolicy, separator: str | None, gpt2: tiktoken.Encoding
) -> Truth | set[bytes]:
    """What comes of it; where it is refused, what may be named, of which one thing comes first."""
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
    ids = [token_id for stream in streams for token_id in [*stream, gpt2.eot_token]][:-1]
    return Truth(ids, len(streams), empty, replaced, skipped, specials)


def is_named(message: str, refused: set[bytes], data: bytes) -> bool:
    """Whether an error says what is refused, and where it stands if a byte can be told."""
    if not refused:
        return "no text in" in message
    place = re.search(r"offset (\d+)", message)
    for what in refused:
        name = EOT if what == EOT.encode() else f"byte 0x{what[0]:02x} "
        if name in message and (not place or data[int(place[1]) :].startswith(what)):
            return True
    return False


def what_came(path: Path, report: WindowReport) -> Truth:
    """The ids that were written, and the counts of the report, which are those of the manifest."""
    source = report.manifest.sources[0]
    counts = ("documents", "empty", "replaced", "skipped", "literal_specials")
    assert [getattr(report, name) for name in counts] == [getattr(source, name) for name in counts]
    stored = sorted((path / "train").glob("tokens-*.npy"))
    ids = np.concatenate([np.load(file) for file in stored]).tolist()
    return Truth(ids, *(getattr(report, name) for name in counts))


@pytest.mark.parametrize("separator", [None, SEPARATOR])
@pytest.mark.parametrize("special", ["allow", "text", "error"])
@pytest.mark.parametrize("errors", ["strict", "replace", "skip"])
def test_what_comes_of_it(
    tmp_path: Path,
    trials: Trials,
    monkeypatch: pytest.MonkeyPatch,
    truth: tiktoken.Encoding,
    errors: Errors,
    special: SpecialPolicy,
    separator: str | None,
) -> None:
    what = "texts that are not what they should be"
    count, random, wrong = trials.planned(what, 18), Random(f"{errors} {special} {separator}"), []
    for number in range(count):
        monkeypatch.setattr(reading, "MAX_BLOCK", random.choice((1, 2, 3, 7, 1 << 20)))
        monkeypatch.setattr(parts, "PART_BYTES", random.choice((5, 16, 64, 1 << 24)))
        data = a_text(random, errors != "strict" or number % 2 == 0)
        (tmp_path / "a.txt").write_bytes(data)
        expected = the_truth(data, errors, special, separator, truth)
        options = WindowOptions(
            (str(tmp_path / "a.txt"),),
            str(tmp_path / "s"),
            1,
            layout="tokens",
            special=special,
            text=TextOptions(errors=errors, separator=separator),
            workers=1,
            force=True,
        )
        try:
            came = what_came(tmp_path / "s", run_window(plan_window(options)))
        except GptprepError as error:
            if not isinstance(expected, set) or not is_named(str(error), expected, data):
                wrong.append(f"{data!r}: {error}, but expected {expected}")
        else:
            if came != expected:
                wrong.append(f"{data!r}: {came} is not {expected}")
    trials.count(what, count, wrong)


def test_words_of_a_million_characters(tmp_path: Path, truth: tiktoken.Encoding) -> None:
    random = Random(1)
    words = [
        "a" * 1_000_000,
        "".join(random.choices("abcdefgh", k=1_000_000)),
        "é" * 300_000,
        "-" * 1_000_000,
    ]
    (tmp_path / "a.txt").write_text(" ".join(words))
    options = WindowOptions((str(tmp_path / "a.txt"),), str(tmp_path / "s"), 1, layout="tokens", workers=2)
    came = what_came(tmp_path / "s", run_window(plan_window(options)))
    assert came.ids == truth.encode(" ".join(words))
