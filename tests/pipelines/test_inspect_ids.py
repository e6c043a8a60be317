"""`inspect` of a file of ids against slow, obvious code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.pipelines import encode
from gptprep.pipelines.inspect import counting, ids
from gptprep.pipelines.inspect.text import token_views, visible
from gptprep.tokenizers.bpe import BpeTokenizer
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.bpe import pair_spec

EOT = 50256


def inspected(path: Path, tokenizer: str | None = None, **options: Any) -> ids.IdsReport:
    return ids.run(ids.plan(ids.IdsOptions(str(path), EncodingSpec(tokenizer), **options)))


@pytest.fixture
def encoded(samples: Path, tmp_path: Path) -> Path:
    """The sample texts as a file of ids with its provenance."""
    path = tmp_path / "x.bin"
    encode.run(encode.plan(encode.EncodeOptions(inputs=(str(samples),), output=str(path))))
    return path


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_numbers_are_those_of_slow_code(encoded: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(counting, "_TASK_IDS", 1000)
    all_ids = np.fromfile(encoded, np.uint16).tolist()
    counts = Counter(all_ids)
    found = inspected(encoded, workers=workers, top=100_000, n_tokens=4)
    assert (found.tokenizer, found.dtype, found.ids, found.bytes) == (
        "gpt2",
        "uint16",
        len(all_ids),
        2 * len(all_ids),
    )
    assert (found.used, found.ends, found.documents) == (len(counts), counts[EOT], counts[EOT] + 1)
    assert [(one.id, one.count) for one in found.most_frequent] == sorted(
        counts.items(), key=lambda item: (-item[1], item[0])
    )
    assert [one.id for one in found.first + found.last] == all_ids[:4] + all_ids[-4:]


def test_provenance_is_that_of_the_file_beside_it(encoded: Path) -> None:
    made = inspected(encoded).provenance
    assert made
    assert made.path == f"{encoded}.json"
    assert made.ids_sha256 in Path(made.path).read_text()


def test_tokenizer_of_ids_without_provenance_must_be_named(encoded: Path) -> None:
    Path(f"{encoded}.json").unlink()
    with pytest.raises(GptprepError) as caught:
        inspected(encoded)
    assert caught.value.fix == "name the tokenizer with --tokenizer"
    assert inspected(encoded, "gpt2").provenance is None


@pytest.mark.parametrize(
    ("n_tokens", "first", "last"), [(0, 0, 0), (2, 2, 2), (3, 3, 2), (5, 5, 0), (9, 5, 0)]
)
def test_no_token_is_both_first_and_last(tmp_path: Path, n_tokens: int, first: int, last: int) -> None:
    np.save(tmp_path / "x.npy", np.arange(5))
    found = inspected(tmp_path / "x.npy", "gpt2", n_tokens=n_tokens)
    assert [one.id for one in found.first] == list(range(first))
    assert [one.id for one in found.last] == list(range(5 - last, 5))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64", "uint64"])
def test_arrays_of_all_whole_numbers_are_read(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "x.npy", np.array([3, 3, 4], dtype))
    found = inspected(tmp_path / "x.npy", "gpt2")
    assert [(one.id, one.count) for one in found.most_frequent] == [(3, 2), (4, 1)]


def test_empty_file_has_no_ids(tmp_path: Path) -> None:
    (tmp_path / "x.bin").touch()
    found = inspected(tmp_path / "x.bin", "gpt2")
    assert (found.ids, found.documents, found.first, found.most_frequent) == (0, 0, (), ())


def test_id_that_no_token_has_is_shown() -> None:
    tokenizer = BpeTokenizer(pair_spec("gpt2", {"<|endoftext|>": 100_000}), "allow")
    shown = token_views([65, 99_999, 100_000], tokenizer)
    assert [one.token for one in shown] == [visible(tokenizer.token_bytes(65)), "<none>", "<|endoftext|>"]


def test_id_that_the_vocabulary_does_not_have_is_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([1, 2, 50257]))
    with pytest.raises(GptprepError, match="holds the id 50257 at position 2"):
        inspected(tmp_path / "x.npy", "gpt2")


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((3, 4), np.uint16), "shape (3, 4) and dtype uint16, as the windows of a shard have"),
        (np.zeros((3, 4), np.float32), "shape (3, 4) and dtype float32, as embeddings have"),
        (np.zeros(3, np.float32), "shape (3,) and dtype float32, as embeddings have"),
    ],
)
def test_arrays_that_are_no_stream_of_ids_are_explained(
    tmp_path: Path, array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], why: str
) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(GptprepError) as caught:
        inspected(tmp_path / "x.npy", "gpt2")
    assert why in caught.value.why
    assert "name the whole folder" in caught.value.fix


def test_damaged_array_is_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(100))
    data = (tmp_path / "x.npy").read_bytes()
    for damaged in (data[:-1], data[:20], b"", b"x" + data):
        (tmp_path / "x.npy").write_bytes(damaged)
        with pytest.raises(CorruptDataError):
            inspected(tmp_path / "x.npy", "gpt2")


@pytest.mark.parametrize("numbers", [{"n_tokens": -1}, {"top": -1}])
def test_negative_numbers_are_refused(encoded: Path, numbers: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="is -1"):
        inspected(encoded, **numbers)
