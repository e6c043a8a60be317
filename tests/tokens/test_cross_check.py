"""Runs with gigatoken: the bytes that tiktoken gives, or an error that says where they would differ."""

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
    with pytest.raises(GptprepError, match=rf"{place}: gigatoken and tiktoken give different ids") as caught:
        encode.run(encode.plan(EncodeOptions(inputs, output=output)))
    assert "--engine tiktoken" in caught.value.fix
    assert list(tmp_path.iterdir()) == []
    unchecked = EncodeOptions(inputs, output=output, encoding=EncodingSpec(cross_check=False))
    assert encode.run(encode.plan(unchecked)).cross_checked == 0
