"""Who may import whom (function-local imports too), and what start-up may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TOP

PACKAGE = TOP / "gptprep"
LOW = {"errors", "files"}
ALLOWED = {
    "__init__": {
        "dataloader",
        "dataset",
        "embeddings",
        "shards",
        "tokenizers",
        "windows",
    },  # the lazy public face
    "__main__": {"cli"},
    "errors": set[str](),
    "files": {"errors"},
    "leftovers": {"files"},
    "manifests": LOW,
    "locks": {"errors"},
    "publishing": {"errors", "files", "interrupts", "leftovers", "locks"},
    "mapping": set[str](),
    "npy": {"errors", "mapping"},
    "longfiles": {"files"},
    "windows": {"errors"},
    "shuffling": {"errors"},
    "corpus": LOW,
    "tokenizers": LOW,
    "tokenstore": {*LOW, "mapping", "npy"},
    "shards": {*LOW, "longfiles", "manifests", "npy", "shuffling", "tokenstore", "windows"},
    "interrupts": set[str](),
    "executors": {"errors", "interrupts"},
    "embeddings": {"errors"},
    "weights": LOW,
    "dataset": {*LOW, "manifests", "pipelines", "shards"},  # to verify first
    "dataloader": {"errors", "dataset", "shuffling"},
    "pipelines": {
        *LOW,
        "executors",
        "interrupts",
        "leftovers",
        "manifests",
        "publishing",
        "npy",
        "windows",
        "shuffling",
        "corpus",
        "tokenizers",
        "tokenstore",
        "shards",
        "embeddings",
        "weights",
    },
    "cli": {"__init__", "errors", "files", "corpus", "tokenizers", "pipelines"},
}
"""The rooms and what each may import besides itself."""
HEAVY_ROOMS = {
    "torch": {"dataloader", "dataset", "embeddings", "weights"},
    "safetensors": {"weights"},
    "pyarrow": {"corpus"},
    "tiktoken": {"tokenizers"},
    "gigatoken": {"tokenizers"},
    "tokenizers": {"tokenizers"},
    "typer": {"cli"},
    "rich": {"cli"},
}
"""Packages that only some rooms may import."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """The dotted names that a module imports at run time, anywhere in it."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and node.value in HEAVY_ROOMS:
            found.add(node.value)  # what importlib may be asked for
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(TOP)))
def test_a_room_imports_only_what_stands_in_its_row(path: Path) -> None:
    room = room_of(path)
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package == "gptprep":
            other = rest.split(".")[0]
            other = other if (PACKAGE / other).is_dir() or (PACKAGE / f"{other}.py").is_file() else "__init__"
            assert other == room or other in ALLOWED[room], f"{path} imports {name}"
        elif package in HEAVY_ROOMS:
            assert room in HEAVY_ROOMS[package], f"{path} imports {name}"


def test_every_room_stands_in_the_table() -> None:
    assert {room_of(path) for path in modules()} == ALLOWED.keys()


RUN = "import sys; sys.argv = ['gptprep', *{!r}.split()]; import gptprep.cli; gptprep.cli.main()"
ENGINES = "torch ray tiktoken gigatoken numpy"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import gptprep", f"{ENGINES} typer rich"),
        (RUN.format("--help"), ENGINES),
        (RUN.format("window -h"), ENGINES),
        (RUN.format("encode -t Hi"), "torch ray numpy requests rich"),
    ],
)
def test_start_up_loads_nothing_heavy(code: str, absent: str) -> None:
    check = f"""
import atexit, sys
atexit.register(lambda: sys.stderr.write(" ".join(set({absent.split()}) & set(sys.modules))))
{code}
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_functions_fit_a_screen_and_files_stay_small() -> None:
    for path in [*modules(), *(TOP / "tests").glob("*.py")]:
        text = path.read_text()
        assert len(text.splitlines()) <= 350, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.lineno < 95, f"{path}: {node.name}"
