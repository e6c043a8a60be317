"""The fixes of all errors in the source, as templates: `give {} or more`.

They are read from the syntax trees, so an error that no test provokes is found too.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tests.helpers.paths import TOP

HOLE = "{}"
_PACKAGE = TOP / "gptprep"
_BASE = "GptprepError"
_FIX = 2
"""The position of the fix among the arguments of an error."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Template(NamedTuple):
    """The fix of an error, and where the error is created."""

    module: str
    """Its path in the package."""
    line: int
    fix: str
    """`{}` stands for what is only known when the error happens."""


def all_templates() -> list[Template]:
    """The fixes of all errors of the package."""
    return sorted(set(_Package().templates()))


class _Module:
    """A module: its tree, and which function is around each node."""

    def __init__(self, path: Path) -> None:
        self.name = str(path.relative_to(_PACKAGE))
        self.tree = ast.parse(path.read_text())
        self.nodes = list(ast.walk(self.tree))
        self.around: dict[ast.AST, ast.AST] = {
            child: node for node in self.nodes for child in ast.iter_child_nodes(node)
        }

    def functions_around(self, node: ast.AST) -> Iterator[_Function]:
        """The functions that a node is in, the innermost first."""
        while (node := self.around.get(node, self.tree)) is not self.tree:
            if isinstance(node, _Function):
                yield node


class _Package:
    """All modules, to look names up in."""

    def __init__(self) -> None:
        self._modules = [_Module(path) for path in sorted(_PACKAGE.rglob("*.py"))]
        self._open = set[tuple[object, ...]]()

    def templates(self) -> Iterator[Template]:
        for module in self._modules:
            for node in module.nodes:
                if isinstance(node, ast.Call) and _name(node.func) in self._errors:
                    for fix in self._fixes(node, module):
                        yield Template(module.name, node.lineno, fix)

    @cached_property
    def _errors(self) -> dict[str, str]:
        """The names of our errors, and the fix of each by default."""
        found = {_BASE: ""}
        classes = [node for module in self._modules for node in module.nodes]
        for node in (node for node in classes if isinstance(node, ast.ClassDef)):
            for base in found.keys() & set(map(_name, node.bases)):
                found[node.name] = _default_fix(node) or found[base]
        return found

    def _fixes(self, call: ast.Call, module: _Module) -> set[str]:
        given = self._argument(call, "fix", _FIX, module)
        return given if given is not None else {self._errors[_name(call.func)]}

    def _argument(self, call: ast.Call, name: str, position: int, module: _Module) -> set[str] | None:
        """What an argument of a call may be; None if it is not given."""
        for keyword in call.keywords:
            if keyword.arg == name:
                return self._texts(keyword.value, module)
        for index, argument in enumerate(call.args[: position + 1]):
            if isinstance(argument, ast.Starred):
                return self._texts(argument.value, module, (position - index,))
        return self._texts(call.args[position], module) if len(call.args) > position else None

    def _texts(self, node: ast.AST | None, module: _Module, items: tuple[int, ...] = ()) -> set[str]:
        """The templates of an expression, or of an item of it."""
        match node:
            case ast.Constant(value=str(text)) if not items:
                return {text}
            case ast.Constant(value=None):
                return {""}
            case ast.Tuple(elts=elements) if items:
                return self._texts(elements[items[0]], module, items[1:])
            case ast.JoinedStr(values=values):
                parts = [value.value if isinstance(value, ast.Constant) else HOLE for value in values]
                return {"".join(map(str, parts))}
            case ast.IfExp(body=one, orelse=other):
                return self._texts(one, module, items) | self._texts(other, module, items)
            case ast.BoolOp(values=values):
                found = [self._texts(value, module, items) for value in values]
                return set().union(*(texts - {""} for texts in found[:-1]), found[-1])
            case ast.BinOp(left=left, right=right):
                pairs = itertools.product(self._texts(left, module), self._texts(right, module))
                return {"".join(pair) for pair in pairs}
            case ast.Call(func=ast.Attribute(value=text, attr="format")):
                return {re.sub(r"\{\w*\}", HOLE, one) for one in self._texts(text, module)}
            case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[_, default]):
                return self._values(table, module) | self._texts(default, module)
            case ast.Call(func=function):
                return self._returned(_name(function), module, items)
            case ast.Attribute(attr=("fix" | "why" | "what")):
                return set()  # of an error that was created elsewhere
            case ast.Name(id=name):
                return self._named(name, node, module, items)
        return {HOLE}

    def _values(self, table: ast.AST, module: _Module) -> set[str]:
        for node in module.tree.body:
            if isinstance(node, ast.Assign) and _name(node.targets[0]) == _name(table):
                assert isinstance(node.value, ast.Dict)
                return set().union(*(self._texts(value, module) for value in node.value.values))
        return {HOLE}

    def _returned(self, function: str, module: _Module, items: tuple[int, ...]) -> set[str]:
        """What a function of a module returns."""
        found = set[str]()
        for node in module.nodes:
            if isinstance(node, _Function) and node.name == function:
                returns = (inner for inner in ast.walk(node) if isinstance(inner, ast.Return))
                found |= set().union(*(self._texts(one.value, module, items) for one in returns))
        return found or {HOLE}

    def _named(self, name: str, node: ast.AST, module: _Module, items: tuple[int, ...]) -> set[str]:
        """What a variable may be: in the functions around it, as an argument, in the module, or imported."""
        key = module.name, name, items, tuple(one.lineno for one in module.functions_around(node))
        if key in self._open:  # `fix = ... if ... else fix`
            return set()
        self._open.add(key)
        try:
            return self._looked_up(name, node, module, items)
        finally:
            self._open.remove(key)

    def _looked_up(self, name: str, node: ast.AST, module: _Module, items: tuple[int, ...]) -> set[str]:
        for function in module.functions_around(node):
            if found := self._assigned(name, function, module, items):
                return found
            names = [argument for argument, _ in _arguments(function)]
            if name in names:
                return self._given(function, name, names.index(name)) or {HOLE}
        if found := self._assigned(name, module.tree, module, items):
            return found
        for imported in (one for one in module.nodes if isinstance(one, ast.ImportFrom)):
            if any(alias.name == name for alias in imported.names):
                path = f"{(imported.module or '').removeprefix('gptprep.').replace('.', '/')}.py"
                owner = next((one for one in self._modules if one.name == path), None)
                return self._assigned(name, owner.tree, owner, items) if owner else {HOLE}
        return {HOLE}

    def _assigned(self, name: str, scope: ast.AST, module: _Module, items: tuple[int, ...]) -> set[str]:
        found = set[str]()
        body = ast.walk(scope) if isinstance(scope, _Function) else iter(scope.body)  # type: ignore[attr-defined]
        for node in body:
            match node:
                case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value):
                    if (place := _place(target, name)) is not None:
                        found |= self._texts(value, module, (*place, *items))
                case ast.For(target=target, iter=rows):
                    if (place := _place(target, name)) is not None:
                        found |= self._of_rows(rows, module, (*place, *items))
        return found

    def _of_rows(self, rows: ast.AST, module: _Module, items: tuple[int, ...]) -> set[str]:
        """An item of each row of a table."""
        for node in module.tree.body if isinstance(rows, ast.Name) else ():
            if isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if _name(target) == _name(rows) and node.value:
                    rows = node.value
                    break
        if isinstance(rows, ast.Tuple):
            return set().union(*(self._texts(row, module, items) for row in rows.elts))
        return {HOLE}

    def _given(self, function: _Function, name: str, position: int) -> set[str]:
        """What the callers of a function give for an argument."""
        found = set[str]()
        for module in self._modules:
            for node in module.nodes:
                if isinstance(node, ast.Call) and _name(node.func) == function.name:
                    given = self._argument(node, name, position, module)
                    if given is None:
                        default = dict(_arguments(function))[name]
                        given = self._texts(default, module)
                    found |= given
        return found


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _arguments(function: _Function) -> list[tuple[str, ast.AST | None]]:
    """The arguments of a function and their default values, without `self`."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    defaults = [*[None] * (len(arguments) - len(function.args.defaults)), *function.args.defaults]
    pairs: list[tuple[str, ast.AST | None]] = [
        *zip((one.arg for one in arguments), defaults, strict=True),
        *zip((one.arg for one in function.args.kwonlyargs), function.args.kw_defaults, strict=True),
    ]
    return pairs[1:] if pairs and pairs[0][0] == "self" else pairs


def _default_fix(error: ast.ClassDef) -> str:
    """The default value of the fix of an error."""
    functions = (node for node in error.body if isinstance(node, _Function) and node.name == "__init__")
    defaults = dict(pair for function in functions for pair in _arguments(function))
    default = defaults.get("fix")
    return str(default.value) if isinstance(default, ast.Constant) else ""


def _place(target: ast.AST, name: str) -> tuple[int, ...] | None:
    """Where a name is in the target of an assignment: `()` if it is the target."""
    if isinstance(target, ast.Tuple):
        for index, element in enumerate(target.elts):
            if (place := _place(element, name)) is not None:
                return (index, *place)
        return None
    return () if isinstance(target, ast.Name) and target.id == name else None
