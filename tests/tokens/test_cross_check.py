"""Runs with gigatoken: the bytes that tiktoken gives, or an error that says where they would differ."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gptprep.errors import GptprepError
from gptprep.pipelines import encode
from gptprep.pipelines.encode import EncodeOptions
from gptprep.tokenizers.gigatoken import GigatokenTokenizer
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.folders import contents, window
from tests.helpers.paths import SAMPLES


def test_both_engines_write_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("\u088f's and \U000323b0's " * 50_000)
    for engine in ("auto", "gigatoken", "tiktoken"):
        encoding = EncodingSpec(engine=engine)
        inputs: list[str | Path] = [SAMPLES, tmp_path / "new.txt"]
        report = window(inputs, tmp_path / engine, context_length=64, encoding=encoding)
        assert report.engine == ("tiktoken" if engine == "tiktoken" else "gigatoken")
        assert (report.cross_checked > 0) == (engine != "tiktoken")
    expected = contents(tmp_path / "tiktoken")
    assert contents(tmp_path / "auto") == contents(tmp_path / "gigatoken") == expected


class WrongEncoder:
    """An encoder that is wrong about one word."""

    def __init__(self, right: Any) -> None:
        self._right = right

    def encode(self, text: bytes) -> Any:
        return self._right.encode(text.replace(b"harbour", b"harbor"))


def test_difference_between_engines_stops_the_run_and_is_located(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = GigatokenTokenizer._fast.func  # type: ignore[attr-defined]
    monkeypatch.setattr(GigatokenTokenizer, "_fast", property(lambda self: WrongEncoder(make(self))))
    inputs, output = (str(SAMPLES / "the_salt_clock.txt"),), str(tmp_path / "x.npy")
    place = r"the_salt_clock\.txt:\d+ \(byte offset \d+\)"
    fast = EncodeOptions(inputs, output=output, encoding=EncodingSpec(engine="gigatoken"))
    with pytest.raises(GptprepError, match=rf"{place}: gigatoken and tiktoken give different ids") as caught:
        encode.run(encode.plan(fast))
    assert "--engine tiktoken" in caught.value.fix
    assert list(tmp_path.iterdir()) == []
    unchecked = replace(fast, encoding=EncodingSpec(engine="gigatoken", cross_check=False))
    assert encode.run(encode.plan(unchecked)).cross_checked == 0


@pytest.mark.parametrize("n_lines", [10, 3_000])
def test_small_inputs_are_encoded_by_the_reference_without_the_fast_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_lines: int
) -> None:
    monkeypatch.setattr(GigatokenTokenizer, "_fast", property(lambda _: pytest.fail("started")))
    (tmp_path / "a.jsonl").write_text('{"text": "One line of a few words."}\n' * n_lines)
    inputs: list[str | Path] = [tmp_path / "a.jsonl"]
    if n_lines == 10:
        report = window(inputs, tmp_path / "s", context_length=4)
        assert (report.engine, report.cross_checked) == ("tiktoken", 0)
        return
    with pytest.raises(pytest.fail.Exception, match="started"):  # short documents, but too many
        window(inputs, tmp_path / "s", context_length=4)
