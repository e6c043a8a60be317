"""The JSON Schemas of the documents that `--json` writes, and what must not follow them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache, reduce
from typing import Any, cast

from jsonschema import Draft202012Validator

from tests.helpers.paths import TOP

SCHEMAS = {path.stem: path for path in sorted((TOP / "docs" / "schemas").glob("*.json"))}
"""The file of each schema by its name."""
_FREE, _FREE_ITEMS = {"windows", "splits", "counts", "special_tokens"}, {"shards", "table"}
"""Objects, and lists of objects, whose keys are names of the user's data or of a layout."""


@cache
def schema(name: str) -> dict[str, Any]:
    """A schema."""
    value: dict[str, Any] = json.loads(SCHEMAS[name].read_text())
    return value


def problems(document: Any, name: str) -> list[str]:
    """Where a document does not follow a schema."""
    validator = Draft202012Validator(schema(name))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def only_document(out: bytes) -> dict[str, Any]:
    """The one document in what a run wrote; it follows its schema, which its first keys name."""
    document: dict[str, Any] = json.loads(out)
    assert list(document)[:2] == ["schema", "version"]
    assert problems(document, document["schema"]) == []
    return document


def changed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copies of a document with one key renamed or one value of another type, and what was done."""
    for *folders, last in _paths(document):
        where = ".".join(map(str, [*folders, last]))
        other, place = _copied(document, folders)
        place[last] = 0.5 if isinstance(place[last], (dict, list)) else [place[last]]
        yield f"{where} of another type", other
        if isinstance(last, str):
            other, place = _copied(document, folders)
            place[f"{last}_"] = place.pop(last)
            yield f"{where} renamed", other


def _copied(document: dict[str, Any], folders: list[str | int]) -> tuple[dict[str, Any], Any]:
    """A copy of a document, and what is at a path in it."""
    other = copy.deepcopy(document)
    return other, reduce(lambda place, step: place[step], folders, cast("Any", other))


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The keys and list items of a document, as far as their names are fixed."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    is_free = isinstance(value, dict) and bool({*path[-1:]} & _FREE or {*path[-2:-1]} & _FREE_ITEMS)
    for key, item in items:
        if not is_free:
            yield (*path, key)
        yield from _paths(item, (*path, key))
