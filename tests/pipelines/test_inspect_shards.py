"""`inspect` of shards: windows, their sources and the batches of a step, against the slow and obvious way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptprep.errors import CorruptDataError, GptprepError, UsageError
from gptprep.pipelines.inspect.shards import (
    StepOptions,
    WindowsOptions,
    inspect_shards,
    inspect_windows,
    readable_entries,
)
from gptprep.shards.folder import open_shards
from gptprep.tokenizers import load_tokenizer
from gptprep.training.dataloader import create_dataloader
from gptprep.windows.spec import WindowSpec
from tests.helpers.folders import read_manifest, window, write_manifest
from tests.helpers.paths import GOLDEN
from tests.helpers.slow_windows import (
    divided,
    ended_documents,
    joined,
    n_ids_of,
    permuted,
    split_spans,
)
from tests.helpers.verification import KINDS, kind_name

TEXTS = (
    "one two three four five",
    "six seven eight nine",
    "five six seven eight nine ten eleven twelve thirteen",
    "a<|endoftext|>b c d e f",
)
WINDOWS: dict[str, Any] = {"context_length": 3, "stride": 2, "val_fraction": "0.4", "seed": 0}
kinds = pytest.mark.parametrize("kind", KINDS, ids=kind_name)


@pytest.fixture
def texts(tmp_path: Path) -> list[list[int]]:
    """The ids of some files, `0.txt` and so on."""
    for number, text in enumerate(TEXTS):
        (tmp_path / f"{number}.txt").write_text(text)
    tokenizer = load_tokenizer("gpt2")
    return [tokenizer.encode(text) for text in TEXTS]


def make(folder: Path, **options: Any) -> str:
    window([folder / "*.txt"], folder / "out", **options)
    return str(folder / "out")


def all_windows(path: str, split: str) -> WindowsOptions:
    n_windows = open_shards(path).manifest.splits[split].windows
    return WindowsOptions(path, split, windows=f"0..{n_windows - 1}")


@kinds
@pytest.mark.parametrize("split", ["train", "val"])
def test_windows_and_their_sources_are_those_of_the_slow_way(
    tmp_path: Path, texts: list[list[int]], kind: dict[str, Any], split: str
) -> None:
    path = make(tmp_path, **WINDOWS, **kind)
    spec = WindowSpec(**{**WINDOWS, **{key: value for key, value in kind.items() if key != "layout"}})
    owners = [number for number, text in enumerate(texts) for _ in ended_documents([text])]
    tags = [[owner] * len(ids) for owner, ids in zip(owners, ended_documents(texts), strict=True)]
    of_split = divided(texts, tags, spec)[split]
    owner_of = joined(of_split)[: n_ids_of(of_split, spec)]
    spans = split_spans(of_split, spec)
    report = inspect_windows(all_windows(path, split))
    taken = open_shards(path).windows(split).take(np.arange(len(spans)))
    assert report.n_windows == len(report.windows) == len(spans)
    for number, found in enumerate(report.windows):
        place = permuted(number, len(spans), spec.seed) if spec.shuffle else number
        start, length = spans[place]
        assert (found.number, found.text_number, found.length) == (number, place, length)
        sources = dict.fromkeys(f"{owner}.txt" for owner in owner_of[start : start + length])
        assert found.sources == tuple(sources)
        assert [token.id for token in found.inputs] == taken.inputs[number].tolist()
        assert [token.id for token in found.targets] == taken.targets[number].tolist()


STEPS = [
    StepOptions(0, batch_size=2, seed=3),
    StepOptions(0, batch_size=3, seed=3, drop_last=False),
    StepOptions(0, batch_size=2, shuffle=False),
    StepOptions(0, batch_size=3, shuffle=False, drop_last=False),
    StepOptions(0, batch_size=1, seed=1 << 63, rank=1, world_size=3),
    StepOptions(0, batch_size=1, seed=0, rank=2, world_size=3, drop_last=False),
]


@kinds
@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.usefixtures("texts")
def test_steps_are_the_batches_of_the_data_loader(
    tmp_path: Path, kind: dict[str, Any], step: StepOptions
) -> None:
    path = make(tmp_path, **{**WINDOWS, "stride": 1}, **kind)
    loader = create_dataloader(
        path,
        step.batch_size,
        step.shuffle,
        step.drop_last,
        seed=step.seed,
        rank=step.rank,
        world_size=step.world_size,
    )
    number = 0
    for epoch in range(3):
        for batch, (inputs, targets) in enumerate(loader):
            report = inspect_windows(WindowsOptions(path, step=replace(step, step=number)))
            assert report.step == (number, epoch, batch, len(loader))
            assert [[token.id for token in found.inputs] for found in report.windows] == inputs.tolist()
            assert [
                [token.id if place < found.length else -100 for place, token in enumerate(found.targets)]
                for found in report.windows
            ] == targets.tolist()
            number += 1


@pytest.mark.usefixtures("texts")
def test_random_windows_are_different_and_the_same_for_a_seed(tmp_path: Path) -> None:
    path = make(tmp_path, **{**WINDOWS, "stride": 1})
    n_windows = open_shards(path).manifest.splits["train"].windows
    few = [found.number for found in inspect_windows(WindowsOptions(path, random=3, seed=4)).windows]
    again = [found.number for found in inspect_windows(WindowsOptions(path, random=3, seed=4)).windows]
    all_of_them = inspect_windows(WindowsOptions(path, random=10_000)).windows
    assert few == again
    assert len(set(few)) == 3
    assert sorted(found.number for found in all_of_them) == list(range(n_windows))


@pytest.mark.usefixtures("texts")
def test_numbers_are_those_of_the_manifest(tmp_path: Path) -> None:
    path = make(tmp_path, **WINDOWS)
    manifest, report = open_shards(path).manifest, inspect_shards(path, top=2)
    assert (report.ids, report.documents, report.n_sources) == (manifest.ids, 4, 4)
    assert [source.path for source in report.sources] == ["2.txt", "3.txt"]
    for name, split in report.splits.items():
        own = manifest.splits[name]
        assert (split.windows, split.ids, split.padding) == (own.windows, own.ids, own.padding)
        assert split.bytes == sum(file.stat().st_size for file in (tmp_path / "out" / name).iterdir())
    assert report.bytes == sum(split.bytes for split in report.splits.values())
    assert report.options["val_fraction"] == "0.4"


@pytest.mark.parametrize("golden", ["shards-v3", "documents-v3"])
def test_version_3_does_not_say_sources(golden: str) -> None:
    report = inspect_windows(WindowsOptions(str(GOLDEN / golden)))
    assert [found.sources for found in report.windows] == [()]
    assert report.windows[0].inputs[0].token


BAD = [
    (WindowsOptions("", windows="9999"), "there is no window 9999", "give 0 to "),
    (WindowsOptions("", windows="0..9999"), "there is no window 9999", "give 0 to "),
    (WindowsOptions("", windows="3..1"), "--window is 3..1", "give 1..3"),
    (WindowsOptions("", windows="x"), "--window is 'x'", "give a number such as 5, or a range such as 5..9"),
    (WindowsOptions("", windows="-1"), "--window is '-1'", "give a number such as 5, or a range"),
    (WindowsOptions("", windows="1.."), "--window is '1..'", "give a number such as 5, or a range"),
    (WindowsOptions("", split="test"), "has no split 'test'", "give train or val"),
    (WindowsOptions("", random=0), "--random is 0", "give 1 to 10,000"),
    (WindowsOptions("", random=1, seed=-1), "--seed is -1", "give a number of at least 0"),
    (WindowsOptions("", step=StepOptions(-1, seed=0)), "--step is -1", "give 0 or more"),
    (WindowsOptions("", step=StepOptions(0)), "the order of the windows is not known", "give the --seed"),
    (
        WindowsOptions("", step=StepOptions(0, 10_000, seed=0)),
        "has too few windows",
        "give a smaller --batch-size, or --no-drop-last",
    ),
    (WindowsOptions("", step=StepOptions(0, 0, seed=0)), "--batch-size is 0", "give 1 or more"),
    (WindowsOptions("", step=StepOptions(0, seed=0, rank=1)), "--rank is 1 of --world-size 1", "give 0 to"),
]


@pytest.mark.parametrize(("options", "what", "fix"), BAD, ids=[what for _, what, _ in BAD])
@pytest.mark.usefixtures("texts")
def test_what_is_not_there_is_refused(tmp_path: Path, options: WindowsOptions, what: str, fix: str) -> None:
    path = make(tmp_path, **WINDOWS)
    with pytest.raises(UsageError) as caught:
        inspect_windows(replace(options, path=path))
    assert what in caught.value.what
    assert caught.value.fix.startswith(fix)


@pytest.mark.usefixtures("texts")
def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    path, other = make(tmp_path, **WINDOWS), tmp_path / "other.json"
    other.write_text('{"one": 0, "two": 1}')
    with pytest.raises(GptprepError, match=r"was not made with the tokenizer other\.json"):
        inspect_windows(WindowsOptions(path, tokenizer=str(other)))


@pytest.mark.usefixtures("texts")
def test_ids_are_shown_where_the_tokenizer_is_not_there(tmp_path: Path) -> None:
    path = make(tmp_path, **WINDOWS)
    manifest = read_manifest(Path(path))
    manifest["tokenizer"].update(name="mine.json", fingerprint="sha256:0")
    write_manifest(Path(path), manifest)
    report = inspect_windows(WindowsOptions(path))
    assert report.note == (
        f"{path} does not hold its tokenizer; it has only the name, mine.json; give --tokenizer to see text"
    )
    assert {token.token for token in report.windows[0].inputs} == {""}


@pytest.mark.usefixtures("texts")
def test_damaged_manifest_says_what_can_be_read(tmp_path: Path) -> None:
    path = Path(make(tmp_path, **WINDOWS))
    text = (path / "manifest.json").read_text()
    (path / "manifest.json").write_text(text.replace('"stride": 2', '"stride": 3'))
    with pytest.raises(CorruptDataError):
        inspect_shards(str(path))
    entries = readable_entries(str(path))
    assert (entries["stride"], entries["layout"], entries["train windows"]) == (3, "pairs", 7)
    (path / "manifest.json").write_text(text[:100])
    assert readable_entries(str(path)) == {}
