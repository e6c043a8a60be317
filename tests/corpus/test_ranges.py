"""Byte ranges: the documents and ids of a file are the same however it is divided."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gptprep.choices import ErrorPolicy
from gptprep.corpus.chunks import read_chunks
from gptprep.corpus.documents import ReadCounts
from gptprep.corpus.ranges import exact_range, plan_ranges
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError
from gptprep.tokenizers import Tokenizer, load_tokenizer
from gptprep.tokenizers.bpe import BpeTokenizer
from tests.helpers.bpe import EOT, PATTERNS, TEXTS, pair_ranks, pair_spec
from tests.helpers.documents import find_sources

WHOLE = 1 << 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For a file that each example writes again."""
    return tmp_path_factory.mktemp("ranges")


@pytest.fixture(scope="module")
def gpt2() -> Tokenizer:
    return load_tokenizer("gpt2", engine="tiktoken")


@pytest.fixture(scope="module", params=PATTERNS)
def pairs(request: pytest.FixtureRequest) -> Tokenizer:
    """A tokenizer whose ids show every pre-token boundary."""
    return BpeTokenizer(pair_spec(request.param, {EOT: len(pair_ranks())}), "allow")


def encoded(
    path: Path, options: TextOptions, size: int, tokenizer: Tokenizer
) -> tuple[list[list[int]], ReadCounts]:
    """The ids of each document of a file that is read in byte ranges of about `size` bytes."""
    counts, documents, ids = ReadCounts(), list[list[int]](), list[int]()
    for planned in plan_ranges(find_sources([str(path)]), options, size):
        exact = exact_range(planned, options, tokenizer.split_points.first)
        for chunk in read_chunks(exact, options, tokenizer.split_points.last, counts, 1 << 20):
            ids += tokenizer.encode(chunk.text.decode())
            if chunk.last:
                documents.append(ids)
                ids = []
    assert ids == []
    return documents, counts


@given(text=TEXTS, size=st.integers(1, 30))
def test_ids_of_the_ranges_are_those_of_the_whole(
    folder: Path, pairs: Tokenizer, text: str, size: int
) -> None:
    path = folder / "a.txt"
    path.write_bytes(text.encode())
    whole, _ = encoded(path, TextOptions(), WHOLE, pairs)
    assert encoded(path, TextOptions(), size, pairs)[0] == whole
    assert whole == ([pairs.encode(text)] if text else [])


@given(
    data=st.binary(max_size=60),
    size=st.integers(1, 30),
    errors=st.sampled_from(["replace", "strict", "skip"]),
)
@pytest.mark.parametrize("separator", [None, "|", "<>", "\n\n", "a b", "\n"])
def test_separators_and_invalid_bytes_are_found_as_in_the_whole(
    folder: Path, gpt2: Tokenizer, data: bytes, size: int, errors: ErrorPolicy, separator: str | None
) -> None:
    path = folder / "a.txt"
    for byte, text in ((b"\x01", b"|"), (b"\x02", b"<>"), (b"\x03", b"\n\n"), (b"\x04", b"a b")):
        data = data.replace(byte, text)
    path.write_bytes(data)
    options = TextOptions(errors=errors, separator=separator)

    def outcome(size: int) -> object:
        try:
            return encoded(path, options, size, gpt2)
        except GptprepError as error:
            return error.what

    whole = outcome(WHOLE)
    assume(not str(whole).endswith("is not text"))  # these ranges can be shorter than a signature
    assert outcome(size) == whole


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=9),
    size=st.integers(1, 40),
)
def test_json_lines_are_divided_between_lines(
    folder: Path, gpt2: Tokenizer, texts: list[str], size: int
) -> None:
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    expected = [gpt2.encode(text) for text in texts if text]
    assert encoded(path, TextOptions(), size, gpt2)[0] == expected
