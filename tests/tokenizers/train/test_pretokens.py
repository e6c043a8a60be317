"""Counting pre-tokens."""

import os
import unicodedata

import pytest
from hypothesis import given

from gptprep.tokenizers.rust import filtered
from gptprep.tokenizers.train import pretokens
from gptprep.tokenizers.train.pretokens import MAX_PRETOKEN, PretokenCounter
from tests.helpers.bpe import EOT
from tests.helpers.training_texts import TEXTS, counted


@given(text=TEXTS)
def test_python_counts_as_gigatoken_does(text: str) -> None:
    """Without characters that this Python's Unicode may not know."""
    known = "".join(character for character in text if unicodedata.category(character) != "Cn").encode()
    assert dict(pretokens._slow_counts(known)) == dict(pretokens._fast_counts(known))


@given(text=TEXTS)
def test_dividing_at_split_points_changes_no_count(text: str) -> None:
    counter = PretokenCounter((EOT,))
    rest = bytearray(text.encode())
    while point := counter.split_points.last(rest, 1):
        counter.add(bytes(rest[point:]))
        del rest[point:]
    counter.add(bytes(rest))
    assert counter.counts() == counted(text)


def test_special_tokens_are_not_counted() -> None:
    assert counted(f"ab{EOT}ab{EOT}{EOT} ab") == {b"ab": 2, b" ab": 1}


def test_long_pretokens_are_counted_in_slices_of_whole_characters() -> None:
    counts = counted("é" * 1000 + " ok")
    assert max(map(len, counts)) <= MAX_PRETOKEN
    assert sum(len(pretoken) * n for pretoken, n in counts.items()) == 2003
    assert all(pretoken.decode() for pretoken in counts)


def test_messages_of_gigatoken_are_removed_and_others_kept(capfd: pytest.CaptureFixture[str]) -> None:
    def count() -> None:
        os.write(2, b"Using 2 threads for pretokenization\nkept\nPretokenization took 1.5ms\n")
        pretokens._fast_counts(b"a b c")

    filtered(count, lambda _: pretokens._MESSAGES)
    counted("a b c")
    assert capfd.readouterr() == ("", "kept\n")
