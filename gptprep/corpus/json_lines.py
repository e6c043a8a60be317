"""The text in a line of JSON Lines."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from gptprep.errors import CorruptDataError, GptprepError

_KINDS = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}

_FIX = "write one JSON object on each line"
_NOT_THERE: Any = object()
"""Stands for a field that is not there."""
_DEEPEST = 4
"""How many names a suggested field has at most."""

# Numbers are not used, and Python refuses long ones.
_DECODER = json.JSONDecoder(parse_int=len)


def texts_of_lines(lines: bytes, field: str) -> list[bytes] | None:
    """The texts of whole lines, as `text_of_line` gives them; `null` is an empty one, empty lines have none.

    orjson reads them, four times as fast as `json`. It accepts nothing that `json` does not, or reads it
    otherwise. If it does not accept a line, or one has no such text, the result is None: `text_of_line` then
    reads each line, or tells what is wrong.
    """
    import orjson

    loads, texts, is_plain = orjson.loads, list[bytes](), "." not in field
    try:
        for line in lines.split(b"\n"):
            if line:
                value = loads(line)
                text = value.get(field, _NOT_THERE) if is_plain else field_of(value, field)
                texts.append(b"" if text is None else text.encode())
    except (ValueError, AttributeError):
        return None
    return texts


def field_of(value: dict[str, Any], field: str) -> Any:
    """The value of a field; `a.b` is the field `b` of the object in `a`, unless there is one of that name.

    `_NOT_THERE` if there is none, and None within `null`.

    Raises:
        AttributeError: the value, or one on the way, is no object.
    """
    if not isinstance(value, dict):
        raise AttributeError("it is no object")
    if field in value:
        return value[field]
    found: Any = value
    for name in field.split("."):
        if found is None:
            return None
        found = found.get(name, _NOT_THERE)
    return found


def text_of_line(line: bytes, field: str, place: str) -> str | None:
    """The text of one line of UTF-8; None for `null`, which is no text, as in a table.

    Args:
        field: the field that has the text, as `field_of` takes it.
        place: file and line, for errors.

    Raises:
        CorruptDataError: it is not a JSON object.
        GptprepError: the field is missing, or not a text.
    """
    try:
        # json.loads would take some bytes for UTF-16.
        value = _DECODER.decode(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CorruptDataError(f"{place} is not valid JSON", str(error), _FIX) from error
    if not isinstance(value, dict):
        what, why = f"{place} has no text in the field {field!r}", "it is not an object"
        raise CorruptDataError(what, why, _FIX)
    try:
        text = field_of(value, field)
    except AttributeError:
        text = _NOT_THERE
    if isinstance(text, str | None):
        return text
    raise _no_text(value, field, text, place)


def _text_fields(value: dict[str, Any], within: str = "") -> Iterator[str]:
    """The fields that have a text, those of objects last. No name within an object may have a dot."""
    for name, item in value.items():
        if isinstance(item, str) and not (within and "." in name):
            yield within + name
    for name, item in value.items():
        if isinstance(item, dict) and "." not in name and within.count(".") + 1 < _DEEPEST:
            yield from _text_fields(item, f"{within}{name}.")


def _no_text(value: dict[str, Any], field: str, found: Any, place: str) -> GptprepError:
    what = f"{place} has no text in the field {field!r}"
    text = next(_text_fields(value), None)
    fix = f"give --text-field {shlex.quote(text[:80])}" if text else "put the text in one field, with jq"
    if found is _NOT_THERE:
        fields = ", ".join(f"{key!r}"[:40] for key in list(value)[:8])
        return GptprepError(what, f"its fields are {fields or 'none'}", fix)
    why = f"the field holds {_KINDS[type(found)]}"
    if isinstance(found, list):
        names = [field] if field in value else field.split(".")
        place_in_jq = "".join(f"[{json.dumps(name)}]" for name in names)
        jq = f'{{text: [.{place_in_jq}[] | .content? // .] | join("\\n")}}'
        fix = f"join it first: jq -c {shlex.quote(jq)} FILE > JOINED.jsonl"
    return GptprepError(what, why, fix)
