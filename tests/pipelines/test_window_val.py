"""`window` with val inputs: each split is what its inputs alone would give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gptprep.corpus.selection import Selection, select_sources
from gptprep.errors import GptprepError, UsageError
from gptprep.pipelines import vocab
from gptprep.pipelines import window as pipeline
from gptprep.tokens import parts
from gptprep.tokens.spec import EncodingSpec
from tests.helpers.folders import contents, read_manifest, window, window_options, write_manifest
from tests.helpers.paths import SAMPLES
from tests.helpers.verification import KINDS, kind_name, problems

TRAIN = ("seven_fables.txt", "poem.txt")
VAL = ("the_salt_clock.txt", "poem.txt")
WINDOWS: dict[str, Any] = {"context_length": 32, "stride": 20, "shard_size": 3_000, "seed": 7}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two folders of two files each; files of one name are different files."""
    for folder, names in (("train", TRAIN), ("val", VAL)):
        (tmp_path / folder).mkdir()
        for name in names:
            text = (SAMPLES / name).read_bytes()
            (tmp_path / folder / name).write_bytes(text + b"<|endoftext|>" * (name == "poem.txt"))
    return tmp_path


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind["split_by"] == "tail"], ids=kind_name)
@pytest.mark.parametrize("part_bytes", [1_500, 1 << 24])
def test_each_split_is_that_of_its_inputs(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, kind: dict[str, Any], part_bytes: int
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", part_bytes)
    options = {**WINDOWS, **kind}
    both = window([corpus / "train"], corpus / "both", val_inputs=(str(corpus / "val"),), **options)
    for name in ("train", "val"):
        alone = window([corpus / name], corpus / "alone", force=True, **options).manifest
        written = {
            file.replace("train/", f"{name}/"): data
            for file, data in contents(corpus / "alone").items()
            if file != "manifest.json"
        }
        assert written == {
            file: data for file, data in contents(corpus / "both").items() if file.startswith(name)
        }
        split = both.manifest.splits[name]
        assert split.ids == alone.splits["train"].ids
        of_split = [source for source in both.manifest.sources if name in source.splits]
        assert [source.splits[name] for source in of_split] == [
            source.splits["train"] for source in alone.sources
        ]
    assert both.manifest.split_by == "inputs"
    assert problems(corpus / "both") == []


def test_number_of_workers_does_not_matter(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1_500)
    for workers in (1, 3):
        out = corpus / f"out-{workers}"
        window([corpus / "train"], out, val_inputs=(str(corpus / "val"),), workers=workers, **WINDOWS)
    assert contents(corpus / "out-1") == contents(corpus / "out-3")


def test_val_files_of_an_input_are_left_out_of_train(corpus: Path) -> None:
    poem = str(corpus / "train" / "poem.txt")
    plan = pipeline.plan(window_options([corpus / "train"], corpus / "out", val_inputs=(poem,)))
    assert [source.name for source in plan.sources] == ["train/seven_fables.txt", "poem.txt"]
    assert plan.train_sources == 1
    assert plan.selection.passed_over == {}
    assert plan.selection.repeated == ()
    assert plan.notes == ("1 of the 2 input files is in --val, and so not in train",)


def test_val_file_is_left_out_of_train_if_only_its_status_changed(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poem = corpus / "train" / "poem.txt"

    def select(inputs: Sequence[str], **options: Any) -> Selection:
        found = select_sources(inputs, **options)
        poem.chmod(0o600 if poem.stat().st_mode & 0o077 else 0o644)
        return found

    monkeypatch.setattr("gptprep.pipelines.window.planning.select_sources", select)
    plan = pipeline.plan(window_options([corpus / "train"], corpus / "out", val_inputs=(str(poem),)))
    assert (len(plan.sources), plan.train_sources) == (2, 1)


def test_pattern_without_quotes_after_val_is_noted(corpus: Path) -> None:
    (corpus / "more.txt").write_text("one two three")
    one, other = sorted((corpus / "val").iterdir())
    plan = pipeline.plan(window_options([corpus / "more.txt", other], corpus / "out", val_inputs=(str(one),)))
    what = f"{other} is beside the val file {one} and in train; a pattern after --val needs quotes"
    assert plan.notes == (what,)
    usual = window_options([corpus / "val" / other.name], corpus / "out", val_inputs=(str(one),))
    assert pipeline.plan(usual).notes == ()


def test_each_split_may_be_one_document_without_end_of_text(corpus: Path) -> None:
    vocabulary, inputs = str(corpus / "chars.json"), (str(corpus / "train"), str(corpus / "val"))
    options = vocab.VocabOptions(inputs, vocabulary, kind="char", special_tokens=())
    vocab.run(vocab.plan(options))
    train, val = corpus / "train" / TRAIN[0], corpus / "val" / VAL[0]
    spec = EncodingSpec(vocabulary)
    report = window([train], corpus / "out", val_inputs=(str(val),), encoding=spec, **WINDOWS)
    assert report.manifest.documents == 2
    with pytest.raises(GptprepError, match="there are several documents"):
        window([train, val], corpus / "both", encoding=spec, **WINDOWS)


def test_val_that_is_all_of_train_leaves_nothing(corpus: Path) -> None:
    with pytest.raises(UsageError, match="nothing to window") as caught:
        pipeline.plan(window_options([corpus / "train"], corpus / "out", val_inputs=(str(corpus / "train"),)))
    assert caught.value.why == "all files of the inputs are val inputs"


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"val_fraction": "0.1"}, "--val and --val-fraction both say"),
        ({"split_by": "document"}, "--val and --split-by document both say"),
    ],
)
def test_two_ways_to_choose_val_are_refused(corpus: Path, other: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        pipeline.plan(
            window_options([corpus / "train"], corpus / "out", val_inputs=(str(corpus / "val"),), **other)
        )


def test_standard_input_is_train_or_val(corpus: Path) -> None:
    options = window_options(["-"], corpus / "out", val_inputs=("-",))
    with pytest.raises(UsageError, match="standard input is named twice"):
        pipeline.plan(options)


def test_empty_val_is_too_short(corpus: Path) -> None:
    (corpus / "empty.txt").write_text("")
    with pytest.raises(GptprepError, match="the val split is too short for one window") as caught:
        window([corpus / "train"], corpus / "out", val_inputs=(str(corpus / "empty.txt"),), **WINDOWS)
    assert caught.value.fix == "give more text"
    assert not (corpus / "out").exists()


def test_estimates_are_those_of_both_corpora(corpus: Path) -> None:
    plan = pipeline.plan(
        window_options([corpus / "train"], corpus / "out", val_inputs=(str(corpus / "val"),), **WINDOWS)
    )
    report = pipeline.run(plan)
    n_windows = sum(split.windows for split in report.manifest.splits.values())
    assert plan.estimated_windows == pytest.approx(n_windows, rel=0.05)


@pytest.mark.parametrize("key", ["ids", "windows"])
@pytest.mark.parametrize("change", [1, -1])
def test_numbers_of_a_source_that_do_not_add_up_are_found(corpus: Path, change: int, key: str) -> None:
    window([corpus / "train"], corpus / "out", val_inputs=(str(corpus / "val"),), **WINDOWS)
    manifest = read_manifest(corpus / "out")
    manifest["sources"][0]["splits"]["train"][key] += change
    write_manifest(corpus / "out", manifest)
    assert [found for found in problems(corpus / "out") if "the sources give train" in found]
