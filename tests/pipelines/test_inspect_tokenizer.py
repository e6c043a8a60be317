"""What `inspect` says of a tokenizer, against slow and obvious code."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path

import pytest

from gptprep.errors import UsageError
from gptprep.pipelines.inspect.coverage import CoverageOptions, measure_coverage
from gptprep.pipelines.inspect.tokenizer import TokenizerOptions, TokenizerReport, inspect_tokenizer
from gptprep.tokenizers import load_tokenizer
from gptprep.tokenizers.visible import visible
from gptprep.tokenizers.word import split_words
from gptprep.tokens.spec import EncodingSpec
from tests.helpers import hugging_face

GPT2 = load_tokenizer("gpt2")
TOKENS = [GPT2.token_bytes(i) for i in range(50256)]


@pytest.fixture(scope="module")
def gpt2() -> TokenizerReport:
    return inspect_tokenizer(GPT2, TokenizerOptions(start=50250, number=20, find=b" king"))


def vocabulary(folder: Path, tokens: list[str], kind: str = "word") -> str:
    """The path of a vocabulary file whose last two tokens are special."""
    value = {"format": "gptprep-vocabulary", "version": 1, "kind": kind, "special_tokens": tokens[-2:]}
    path = folder / f"{kind}.json"
    path.write_text(json.dumps({**value, "tokens": tokens}))
    return str(path)


def test_sizes_and_lengths_are_those_of_all_tokens(gpt2: TokenizerReport) -> None:
    assert (gpt2.n_vocab, gpt2.tokens, gpt2.missing, gpt2.gaps) == (50257, 50257, 0, ())
    assert dict(gpt2.lengths) == Counter(map(len, TOKENS))
    assert [entry.bytes for entry in gpt2.longest] == sorted(map(len, TOKENS), reverse=True)[:10]
    assert all(bytes.fromhex(entry.hex) == TOKENS[entry.id] for entry in gpt2.longest)
    assert (gpt2.special_tokens, gpt2.eot) == ({"<|endoftext|>": 50256}, 50256)


def test_first_merges_of_ranks_are_those_of_gpt2s_merges_file(gpt2: TokenizerReport) -> None:
    first = ["· t", "· a", "h e", "i n", "r e", "o n", "·t he", "e r", "· s", "a t"]
    assert [f"{merge.left} {merge.right}" for merge in gpt2.first_merges] == first
    assert [merge.id for merge in gpt2.first_merges] == list(range(256, 266))
    assert gpt2.merges == 50000


def test_merges_of_a_tokenizer_json_are_those_it_lists(tmp_path: Path) -> None:
    value = hugging_face.trained(300)
    report = inspect_tokenizer(load_tokenizer(hugging_face.saved(value, tmp_path)), TokenizerOptions())
    listed = value["model"]["merges"]
    shown = [f"{merge.left} {merge.right}".replace("·", "Ġ") for merge in report.first_merges]
    assert shown == listed[:10]
    assert report.merges == len(listed)
    vocab = value["model"]["vocab"]
    assert [merge.id for merge in report.first_merges] == [vocab[m.replace(" ", "")] for m in listed[:10]]


def test_entries_end_with_the_vocabulary_and_specials_are_marked(gpt2: TokenizerReport) -> None:
    assert gpt2.entries is not None
    assert [entry.id for entry in gpt2.entries] == list(range(50250, 50257))
    assert [entry.special for entry in gpt2.entries] == [False] * 6 + [True]
    assert gpt2.entries[0] == (50250, "·amplification", 14, b" amplification".hex(), False)


def test_found_entries_are_all_that_contain_the_bytes(gpt2: TokenizerReport) -> None:
    with_king = [i for i, token in enumerate(TOKENS) if b" king" in token]
    assert gpt2.found is not None
    assert gpt2.found.count == len(with_king)
    assert sorted(entry.id for entry in gpt2.found.entries) == with_king
    assert gpt2.found.entries[0].id == GPT2.encode(" king")[0]
    assert gpt2.found.ids == (5822,)


def test_found_entries_are_limited_and_counted() -> None:
    found = inspect_tokenizer(GPT2, TokenizerOptions(number=3, find=b"\xe4")).found
    assert found is not None
    assert (len(found.entries), found.ids) == (3, None)
    assert found.count == sum(b"\xe4" in token for token in TOKENS)


def test_ids_without_a_token_are_gaps(tmp_path: Path) -> None:
    ranks = [*(bytes([byte]) for byte in range(256)), b"th", b"the"]
    ids = [*range(256), 260, 263]
    lines = (b"%b %d\n" % (base64.b64encode(token), i) for token, i in zip(ranks, ids, strict=True))
    (tmp_path / "r.tiktoken").write_bytes(b"".join(lines))
    report = inspect_tokenizer(load_tokenizer(str(tmp_path / "r.tiktoken")), TokenizerOptions(257, 4))
    assert report.gaps == ((256, 260), (261, 263))
    assert (report.n_vocab, report.missing, report.tokens) == (265, 6, 259)
    assert report.entries is not None
    assert [entry.token for entry in report.entries] == [None, None, None, "th"]
    assert report.first_merges == (("t", "h", "th", 260), ("th", "e", "the", 263))


@pytest.mark.parametrize(
    "options",
    [
        TokenizerOptions(start=50257),
        TokenizerOptions(start=-1),
        TokenizerOptions(number=0),
        TokenizerOptions(find=b""),
    ],
)
def test_entries_that_do_not_exist_are_refused(options: TokenizerOptions) -> None:
    with pytest.raises(UsageError) as raised:
        inspect_tokenizer(GPT2, options)
    assert options.start is None or "0 to 50,256" in raised.value.why


def test_control_characters_and_bidi_overrides_are_visible(tmp_path: Path) -> None:
    tokens = ["a\x1b[31m", "b\u202e", "<|endoftext|>", "<|\x07|>"]
    report = inspect_tokenizer(load_tokenizer(vocabulary(tmp_path, tokens)), TokenizerOptions(start=0))
    assert report.entries is not None
    shown = [entry.token or "" for entry in report.entries] + [*report.special_tokens]
    assert all(token.isprintable() for token in shown)
    assert shown[:2] == ["a\\x1b[31m", "b\\u202e"]


@pytest.mark.parametrize("workers", [1, 2])
def test_coverage_of_words_is_what_counting_them_gives(tmp_path: Path, workers: int) -> None:
    texts = ["the cat saw the dog <|endoftext|> and the", "cat ran, and ran"]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
    path = vocabulary(tmp_path, ["cat", "never", "the", "<|endoftext|>", "<|unk|>"])
    options = CoverageOptions(
        tuple(str(tmp_path / f"{n}.txt") for n in (0, 1)), EncodingSpec(path), workers=workers, shown=2
    )
    coverage = measure_coverage(load_tokenizer(path), options)
    words = [word for text in texts for word in split_words(text) if word != "<|endoftext|>"]
    missing = Counter(word for word in words if word not in ("cat", "never", "the"))
    assert (coverage.unit, coverage.count) == ("word", len(words))
    assert coverage.covered == len(words) - missing.total()
    assert (coverage.used, coverage.usable, coverage.distinct_missing) == (2, 3, len(missing))
    assert coverage.missing == (("and", 2), ("ran", 2))


def test_coverage_of_characters_counts_characters(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abc\u202eaé")
    path = vocabulary(tmp_path, ["a", "b", "<|endoftext|>", "<|unk|>"], "char")
    coverage = measure_coverage(
        load_tokenizer(path), CoverageOptions((str(tmp_path / "a.txt"),), EncodingSpec(path))
    )
    assert (coverage.unit, coverage.count, coverage.covered) == ("character", 6, 3)
    assert set(coverage.missing) == {("c", 1), (visible("\u202e".encode()), 1), ("é", 1)}


@pytest.mark.parametrize("workers", [1, 2])
def test_coverage_of_a_bpe_is_that_of_the_encoded_text(
    samples: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptprep.pipelines.inspect.coverage._TASK_BYTES", 10_000)
    options = CoverageOptions((str(samples),), EncodingSpec("gpt2"), workers=workers)
    coverage = measure_coverage(GPT2, options)
    texts = [path.read_bytes().decode() for path in sorted(samples.iterdir())]
    ids = [token_id for text in texts for token_id in GPT2.encode(text)]
    assert (coverage.unit, coverage.count, coverage.covered) == ("id", len(ids), len(ids))
    assert coverage.used == len({*ids} - {50256})
    assert coverage.usable == 50256
    assert coverage.bytes == sum(len(text.encode()) for text in texts)
