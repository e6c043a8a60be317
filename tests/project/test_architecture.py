"""The package against the table of rooms in docs/architecture.md, and what starting it may import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.helpers.paths import PACKAGE, TOP

PAGE = TOP / "docs" / "architecture.md"
PUBLIC_NAMES = {"__init__": {"shards", "tokenizers", "training", "windows"}, "__main__": {"cli"}}
"""The only modules of the root that import rooms."""
ONLY_IN = {
    "torch": {"training"},
    "safetensors": {"training"},
    "pyarrow": {"corpus"},
    "tiktoken": {"tokenizers"},
    "gigatoken": {"tokenizers"},
    "typer": {"cli"},
    "rich": {"cli"},
    "multiprocessing": {"parallel"},
    "fcntl": {"storage"},
}
"""Packages that only some rooms may import."""
MAX_PARAMETERS, MAX_FUNCTION_LINES, MAX_FILE_LINES, MAX_ROOT_FILES = 6, 60, 350, 7


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    """The room of a module: its folder, or "root"."""
    first = module.split(".")[1] if "." in module else ""
    return first if (PACKAGE / first).is_dir() and first else "root"


def imports(path: Path) -> set[str]:
    """Every name that a module imports, anywhere in it, also for types only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call):  # perhaps of importlib
            found |= {
                arg.value for arg in node.args if isinstance(arg, ast.Constant) and arg.value in ONLY_IN
            }
    return found


def own_imports(module: str) -> set[str]:
    """The modules of the package that a module imports."""
    names = (name for name in imports(MODULES[module]) if name.split(".")[0] == "gptprep")
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} - {module}


def rooms() -> dict[str, set[str]]:
    """The table of the page: each room, and the rooms that it may import."""
    table = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", PAGE.read_text(), re.MULTILINE)
    found: dict[str, set[str]] = {}
    for room, allowed in table:
        is_all = allowed.strip() == "all of the above"
        found[room] = set(found) if is_all else set(re.findall(r"`(\w+)`", allowed))
    return found


def test_page_names_every_room() -> None:
    assert {room_of(module) for module in MODULES} == rooms().keys()


def test_imports_point_up_the_table() -> None:
    above: set[str] = set()
    for room, allowed in rooms().items():
        assert allowed <= above, room
        above.add(room)


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_what_its_row_allows(module: str) -> None:
    room = room_of(module)
    allowed = PUBLIC_NAMES.get(MODULES[module].stem, rooms()[room]) if room == "root" else rooms()[room]
    others = {room_of(other) for other in own_imports(module)} - {room}
    assert others <= allowed, f"{module} imports {others - allowed}"
    for package in {name.split(".")[0] for name in imports(MODULES[module])} & ONLY_IN.keys():
        assert room in ONLY_IN[package], f"{module} imports {package}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: own_imports(module) for module in MODULES}
    assert {other for others in graph.values() for other in others} <= graph.keys()
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError


def test_page_names_every_module_of_the_walk() -> None:
    """Paths in the page exist, so that a module that moves is not forgotten there."""
    for path in re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE.read_text()):
        assert (PACKAGE / path).is_file() or (TOP / path).is_file(), path


def test_root_holds_few_files() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= MAX_ROOT_FILES


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


def test_functions_have_few_parameters() -> None:
    for module, path in MODULES.items():
        for function in functions(path):
            arguments = function.args
            names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            count = len([name for name in names if name not in ("self", "cls")])
            is_free = room_of(module) == "cli" or function.name == "create_dataloader"
            assert is_free or count <= MAX_PARAMETERS, f"{module}.{function.name}"


def test_functions_fit_a_screen_and_files_stay_small() -> None:
    for path in [*MODULES.values(), *(TOP / "tests").rglob("*.py"), *(TOP / "benchmarks").glob("*.py")]:
        assert len(path.read_text().splitlines()) <= MAX_FILE_LINES, path
        for function in functions(path):
            n_lines = (function.end_lineno or 0) - function.lineno + 1
            assert n_lines <= MAX_FUNCTION_LINES, f"{path}: {function.name}"


def test_no_test_imports_another_test() -> None:
    for path in (TOP / "tests").rglob("test_*.py"):
        for name in imports(path):
            assert not re.match(r"tests(\.\w+)*\.(test_|conftest)", name), f"{path} imports {name}"


RUN = "import sys; sys.argv = ['gptprep', *{!r}.split()]; import gptprep.cli; gptprep.cli.main()"
HEAVY = "torch ray tiktoken gigatoken numpy"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import gptprep", f"{HEAVY} typer rich"),
        (RUN.format("--help"), f"{HEAVY} rich"),
        (RUN.format("window -h"), f"{HEAVY} rich"),
        (
            f"import os; os.environ['_GPTPREP_COMPLETE'] = 'zsh'; {RUN.format('encode -T g')}",
            f"{HEAVY} rich pydantic",
        ),
        (RUN.format("encode -t Hi"), "torch ray numpy requests rich multiprocessing"),
        (RUN.format("count LICENSE"), "torch ray numpy requests rich multiprocessing gigatoken"),
    ],
)
def test_start_up_imports_nothing_heavy(code: str, absent: str) -> None:
    check = f"""
import atexit, sys
atexit.register(lambda: sys.stderr.write(" ".join(set({absent.split()}) & set(sys.modules))))
{code}
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=TOP)
    assert (done.returncode, done.stderr) == (0, "")
