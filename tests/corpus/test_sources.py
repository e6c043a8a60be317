"""Which files the inputs name, in which order, and under which names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gptprep.corpus.selection import one_source
from gptprep.errors import GptprepError, UsageError
from tests.helpers.deep_trees import DeepTree
from tests.helpers.documents import find_sources


def test_folders_are_walked_in_sorted_order_without_hidden_files(tmp_path: Path) -> None:
    names = ("b.txt", "a/z.md", "a/b/c.jsonl", "a.txt", "B.txt", ".hidden.txt", ".git/x.txt", "pic.png")
    for name in (*names, "é.txt.gz"):
        path = tmp_path / "top" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    found = find_sources([str(tmp_path / "top") + "/"])
    assert [source.name for source in found] == [
        *("top/B.txt", "top/a/b/c.jsonl", "top/a/z.md", "top/a.txt", "top/b.txt", "top/é.txt.gz"),
    ]


def test_source_names_leave_out_the_folders_above_the_input(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"x")
    sources = find_sources([str(tmp_path / "one.txt"), str(tmp_path / "*.txt"), "-"])
    assert [source.name for source in sources] == ["one.txt", "one.txt", "stdin"]


def test_glob_results_are_sorted_and_include_subfolders(tmp_path: Path) -> None:
    for name in ("b.py", "a.py", "x/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    sources = find_sources([str(tmp_path / "**/*.py")])
    assert [os.path.relpath(source.path, tmp_path) for source in sources] == ["a.py", "b.py", "x/c.py"]


def test_existing_path_with_glob_characters_is_not_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "[a].txt").write_bytes(b"x")
    assert find_sources([str(tmp_path / "[a].txt")])[0].name == "[a].txt"


@pytest.mark.parametrize(
    ("name", "what"), [("none.txt", "cannot read"), ("*.zip", "no file matches"), ("", "cannot")]
)
def test_missing_input_is_an_error(tmp_path: Path, name: str, what: str) -> None:
    with pytest.raises(GptprepError, match=what):
        find_sources([str(tmp_path / name) if name else ""])


def test_links_to_folders_are_not_followed_and_broken_links_are_errors(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_bytes(b"x")
    (tmp_path / "data" / "loop").symlink_to(".")
    for name in (str(tmp_path / "data"), str(tmp_path / "data" / "**" / "*.txt")):
        assert [source.name for source in find_sources([name])][-1].endswith("a.txt")
        assert len(find_sources([name])) == 1
    (tmp_path / "data" / "b.txt").symlink_to("nowhere")
    with pytest.raises(GptprepError, match=r"cannot read .*b\.txt: No such file"):
        find_sources([str(tmp_path / "data")])


def test_one_source_accepts_no_folder_and_no_glob(tmp_path: Path) -> None:
    with pytest.raises(GptprepError, match="is a folder"):
        one_source(str(tmp_path))
    with pytest.raises(GptprepError, match="cannot read"):
        one_source(str(tmp_path / "*"))


def test_standard_input_can_be_named_only_once() -> None:
    with pytest.raises(UsageError, match="named twice"):
        find_sources(["-", "-"])


def test_folder_without_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(GptprepError, match="has no text"):
        find_sources([str(tmp_path)])


def test_deep_folders_are_read_or_named(deep_tree: DeepTree) -> None:
    top = deep_tree(1000, "d")
    assert len(find_sources([str(top)])) == 1
    with pytest.raises(GptprepError, match=r"folders that .*\.txt matches are nested too deep"):
        find_sources([f"{top}/**/*.txt"])
    too_deep = deep_tree(1000, "folder")
    with pytest.raises(GptprepError, match=f"cannot read {too_deep}"):
        find_sources([str(too_deep)])


def test_link_to_something_that_is_missing_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("gone.txt")
    with pytest.raises(GptprepError, match=r"it is a link to gone\.txt, which is missing") as caught:
        find_sources([str(tmp_path / "a.txt")])
    assert caught.value.fix == "restore what the link leads to, or remove the link"
    (tmp_path / "x.txt").symlink_to("x.txt")
    with pytest.raises(GptprepError) as caught:
        find_sources([str(tmp_path / "x.txt")])
    assert caught.value.fix == "remove the link: it leads back to itself"
