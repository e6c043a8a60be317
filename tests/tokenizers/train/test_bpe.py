"""Training against Hugging Face's trainer, gigatoken's and an obvious one."""

import itertools
import json
import random
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from gptprep.errors import GptprepError, UsageError
from gptprep.tokenizers.train.bpe import BpeVocabulary, train
from gptprep.tokenizers.unicode_guard import NEWER_RANGES
from tests.helpers.bpe import EOT
from tests.helpers.paths import SAMPLES
from tests.helpers.training_texts import TEXTS, counted


def hugging_face_model(texts: list[str], size: int, min_count: int = 1) -> dict[str, object]:
    """The model that Hugging Face's trainer makes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_count,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    model: dict[str, object] = json.loads(tokenizer.to_str())["model"]
    return model


@example(text="a\u088f", more=1, min_count=1)
@given(text=TEXTS, more=st.integers(0, 60), min_count=st.integers(1, 3))
def test_merges_and_ids_are_those_of_hugging_face(text: str, more: int, min_count: int) -> None:
    ours = train(counted(text) or {b" ": 1}, 257 + more, (EOT,), min_count).vocabulary.to_json()["model"]
    model = hugging_face_model(text.split(EOT), 256 + more, min_count)
    assert [merge.split(" ") for merge in ours["merges"]] == model["merges"]
    vocab = dict(ours["vocab"])
    assert vocab.pop(EOT) == len(vocab)
    assert vocab == model["vocab"]


def test_merges_of_the_samples_are_those_of_hugging_face() -> None:
    texts = [path.read_bytes().decode() for path in sorted(SAMPLES.iterdir())]
    ours = train(counted(*texts, special_tokens=()), 3000, ()).vocabulary.to_json()["model"]
    model = hugging_face_model(texts, 3000)
    assert [merge.split(" ") for merge in ours["merges"]] == model["merges"]


def test_characters_of_a_newer_unicode_are_counted_as_hugging_face_does() -> None:
    newer = "".join(
        f"a{chr(code)}1 {chr(code)}b\U000f0000" for first, last in NEWER_RANGES for code in (first, last)
    )
    ours = train(counted(newer), 600).vocabulary.to_json()["model"]
    model = hugging_face_model([newer], 599)
    assert [merge.split(" ") for merge in ours["merges"]] == model["merges"]


def test_merges_are_those_of_gigatoken(capfd: pytest.CaptureFixture[str]) -> None:
    """When no pair is left, gigatoken's trainer continues with pairs that occur nowhere; ours stops."""
    from gigatoken import gigatoken_rs

    text = (SAMPLES / "seven_fables.txt").read_bytes()  # it divides texts at <|endoftext|> in any case
    _, merges = gigatoken_rs.train_bpe(text, 2000, [])
    capfd.readouterr()
    vocabulary = train(counted(text.decode()), 2000, ()).vocabulary
    tokens = vocabulary.tokens()
    ours = [(tokens[left], tokens[right]) for left, right in vocabulary.merges]
    assert len(ours) > 1000
    assert merges[: len(ours)] == ours


@given(
    items=st.dictionaries(st.binary(min_size=1, max_size=9), st.integers(1, 9), min_size=1), seed=st.randoms()
)
def test_order_of_the_counts_does_not_matter(items: dict[bytes, int], seed: random.Random) -> None:
    shuffled = list(items.items())
    seed.shuffle(shuffled)
    assert train(dict(shuffled), 300) == train(items, 300)


@given(items=st.dictionaries(st.text("ab", min_size=1, max_size=12), st.integers(1, 9), min_size=1))
def test_merges_are_those_of_an_obvious_trainer(items: dict[str, int]) -> None:
    counts = {word.encode(): n for word, n in items.items()}
    assert train(counts, 280, ()).vocabulary.merges == obvious_merges(counts, 24)


def obvious_merges(counts: dict[bytes, int], wanted: int) -> tuple[tuple[int, int], ...]:
    """Count all pairs anew for every merge."""
    ids = {token[0]: token_id for token_id, token in enumerate(BpeVocabulary((), ()).tokens())}
    words = [([ids[byte] for byte in word], n) for word, n in counts.items()]
    merges: list[tuple[int, int]] = []
    while len(merges) < wanted:
        pair_counts = Counter[tuple[int, int]]()
        for word, n in words:
            for pair in itertools.pairwise(word):
                pair_counts[pair] += n
        if not pair_counts:
            break
        best = min(pair_counts, key=lambda pair: (-pair_counts[pair], pair))
        for word, _ in words:
            for index in range(len(word) - 1):
                if tuple(word[index : index + 2]) == best:
                    word[index : index + 2] = [256 + len(merges)]
        merges.append(best)
    return tuple(merges)


def test_text_with_few_pairs_gives_fewer_merges() -> None:
    vocabulary = train(counted("hello hello"), 1000).vocabulary
    assert len(vocabulary.merges) == 5
    assert vocabulary.to_json()["added_tokens"][0]["id"] == 261


@pytest.mark.parametrize("size", [None, -1, 0, 256, 1 << 40])
def test_impossible_size_is_refused(size: int | None) -> None:
    with pytest.raises(UsageError, match="BPE vocabulary"):
        train({b"ab": 1}, size)  # type: ignore[arg-type]


@pytest.mark.parametrize("special", ["Ġthe", "a", "", "a b", "\ud800"])
def test_impossible_special_token_is_refused(special: str) -> None:
    with pytest.raises(UsageError, match="special token"):
        train({b" the": 5}, 300, (special,))


def test_text_without_tokens_is_an_error() -> None:
    with pytest.raises(GptprepError, match="no tokens"):
        train({}, 300)
