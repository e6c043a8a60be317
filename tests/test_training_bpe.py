"""Training against Hugging Face's trainer and gigatoken's; counting against each other."""

from __future__ import annotations

import itertools
import json
import os
import random
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gptprep.errors import GptprepError, WrongUsage
from gptprep.tokenizers import pretokens
from gptprep.tokenizers.pretokens import MAX_PRETOKEN, PretokenCounter
from gptprep.tokenizers.training_bpe import BpeVocabulary, train
from gptprep.tokenizers.unicode_guard import NEWER_RANGES
from tests.conftest import SAMPLES

SPECIAL = "<|endoftext|>"
TEXTS = st.lists(
    st.one_of(
        st.text(st.sampled_from(list("aaabbc 1'\n")), max_size=30),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.just(SPECIAL),
    ),
    max_size=8,
).map("".join)


def counted(*texts: str, special_tokens: tuple[str, ...] = (SPECIAL,)) -> Counter[bytes]:
    counter = PretokenCounter(special_tokens)
    for text in texts:
        counter.add(text.encode())
    return counter.counts()


def pairs(vocabulary: BpeVocabulary) -> list[tuple[bytes, bytes]]:
    tokens = vocabulary.tokens()
    return [(tokens[left], tokens[right]) for left, right in vocabulary.merges]


def theirs(texts: list[str], size: int, min_count: int = 1) -> dict[str, object]:
    """The model that Hugging Face's trainer makes."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=min_count, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    model: dict[str, object] = json.loads(tokenizer.to_str())["model"]
    return model


@example(text="a\u088f", more=1, min_count=1)
@given(text=TEXTS, more=st.integers(0, 60), min_count=st.integers(1, 3))
def test_same_merges_and_ids_as_hugging_face(text: str, more: int, min_count: int) -> None:
    ours = train(counted(text) or {b" ": 1}, 257 + more, (SPECIAL,), min_count).vocabulary.to_json()["model"]
    model = theirs(text.split(SPECIAL), 256 + more, min_count)
    assert [merge.split(" ") for merge in ours["merges"]] == model["merges"]
    vocab = dict(ours["vocab"])
    assert vocab.pop(SPECIAL) == len(vocab)
    assert vocab == model["vocab"]


def test_same_merges_on_samples() -> None:
    texts = [path.read_bytes().decode() for path in sorted(SAMPLES.iterdir())]
    ours = train(counted(*texts, special_tokens=()), 3000, ()).vocabulary.to_json()["model"]
    model = theirs(texts, 3000)
    assert [merge.split(" ") for merge in ours["merges"]] == model["merges"]


def test_same_merges_as_gigatoken(capfd: pytest.CaptureFixture[str]) -> None:
    """gigatoken's trainer goes on when no pair is left, with pairs that are met nowhere; ours stops."""
    from gigatoken import gigatoken_rs as gigatoken

    text = (SAMPLES / "seven_fables.txt").read_bytes()  # it parts texts at <|endoftext|> in any case
    _, merges = gigatoken.train_bpe(text, 2000, [])
    capfd.readouterr()
    ours = pairs(train(counted(text.decode()), 2000, ()).vocabulary)
    assert len(ours) > 1000
    assert merges[: len(ours)] == ours


@given(
    items=st.dictionaries(st.binary(min_size=1, max_size=9), st.integers(1, 9), min_size=1), seed=st.randoms()
)
def test_order_of_counts_is_no_matter(items: dict[bytes, int], seed: random.Random) -> None:
    shuffled = list(items.items())
    seed.shuffle(shuffled)
    assert train(dict(shuffled), 300) == train(items, 300)


def test_characters_of_a_newer_unicode_are_counted_as_hugging_face_does() -> None:
    newer = "".join(
        f"a{chr(code)}1 {chr(code)}b\U000f0000" for first, last in NEWER_RANGES for code in (first, last)
    )
    ours = train(counted(newer), 600).vocabulary.to_json()["model"]
    assert [merge.split(" ") for merge in ours["merges"]] == theirs([newer], 599)["merges"]


@given(items=st.dictionaries(st.text("ab", min_size=1, max_size=12), st.integers(1, 9), min_size=1))
def test_against_the_obvious_trainer(items: dict[str, int]) -> None:
    counts = {word.encode(): n for word, n in items.items()}
    assert train(counts, 280, ()).vocabulary.merges == obvious(counts, 24)


def obvious(counts: dict[bytes, int], wanted: int) -> tuple[tuple[int, int], ...]:
    """Count all pairs anew for every merge."""
    ids = {b[0]: i for i, b in enumerate(BpeVocabulary((), ()).tokens())}
    words = [([ids[byte] for byte in word], n) for word, n in counts.items()]
    merges: list[tuple[int, int]] = []
    while len(merges) < wanted:
        met = Counter[tuple[int, int]]()
        for word, n in words:
            for pair in itertools.pairwise(word):
                met[pair] += n
        if not met:
            break
        best = min(met, key=lambda pair: (-met[pair], pair))
        for word, _ in words:
            for index in range(len(word) - 1):
                if tuple(word[index : index + 2]) == best:
                    word[index : index + 2] = [256 + len(merges)]
        merges.append(best)
    return tuple(merges)


@given(text=TEXTS)
def test_python_counts_as_gigatoken_does(text: str) -> None:
    old = "".join(character for character in text if not pretokens_differ(character)).encode()
    assert dict(pretokens._slow_counts(old)) == dict(pretokens._fast_counts(old))


def pretokens_differ(character: str) -> bool:
    """Whether this Python's Unicode may not know it."""
    import unicodedata

    return unicodedata.category(character) == "Cn"


@given(text=TEXTS)
def test_cuts_change_no_count(text: str) -> None:
    counter = PretokenCounter((SPECIAL,))
    rest = bytearray(text.encode())
    while cut := counter.last_cut(rest, 1):
        counter.add(bytes(rest[cut:]))
        del rest[cut:]
    counter.add(bytes(rest))
    assert counter.counts() == counted(text)


def test_special_tokens_are_not_counted() -> None:
    assert counted(f"ab{SPECIAL}ab{SPECIAL}{SPECIAL} ab") == {b"ab": 2, b" ab": 1}


def test_long_pretokens_are_counted_by_stretches() -> None:
    counts = counted("é" * 1000 + " ok")
    assert max(map(len, counts)) <= MAX_PRETOKEN
    assert sum(len(pretoken) * n for pretoken, n in counts.items()) == 2003
    assert all(pretoken.decode() for pretoken in counts)


def test_nothing_reaches_the_screen_but_what_others_write(capfd: pytest.CaptureFixture[str]) -> None:
    with pretokens._without_chatter():
        os.write(2, b"Using 2 threads for pretokenization\nkept\nPretokenization took 1.5ms\n")
        pretokens._fast_counts(b"a b c")
    counted("a b c")
    assert capfd.readouterr() == ("", "kept\n")


def test_fewer_merges_than_asked() -> None:
    vocabulary = train(counted("hello hello"), 1000).vocabulary
    assert len(vocabulary.merges) == 5
    assert vocabulary.to_json()["added_tokens"][0]["id"] == 261


@pytest.mark.parametrize("size", [None, -1, 0, 256, 1 << 40])
def test_impossible_sizes(size: int | None) -> None:
    with pytest.raises(WrongUsage, match="BPE vocabulary"):
        train({b"ab": 1}, size)  # type: ignore[arg-type]


@pytest.mark.parametrize("special", ["Ġthe", "a", "", "a b", "\ud800"])
def test_impossible_special_tokens(special: str) -> None:
    with pytest.raises(WrongUsage, match="special token"):
        train({b" the": 5}, 300, (special,))


def test_no_text() -> None:
    with pytest.raises(GptprepError, match="no tokens"):
        train({}, 300)
