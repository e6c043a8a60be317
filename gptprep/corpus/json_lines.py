"""The text in a line of JSON Lines."""

import json
import shlex
from typing import Any

from gptprep.errors import CorruptDataError, GptprepError

_KINDS = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}

_FIX = "write one JSON object on each line"

# Numbers are not used, and Python refuses long ones.
_DECODER = json.JSONDecoder(parse_int=len)


def texts_of_lines(lines: bytes, field: str) -> list[bytes] | None:
    """The texts of whole lines, as `text_of_line` gives them; `null` is an empty one, empty lines have none.

    orjson reads them, four times as fast as `json`. It accepts nothing that `json` does not, or reads it
    otherwise. If it does not accept a line, or one has no such text, the result is None: `text_of_line` then
    reads each line, or tells what is wrong.
    """
    import orjson

    loads, texts = orjson.loads, list[bytes]()
    try:
        for line in lines.split(b"\n"):
            if line:
                text = loads(line).get(field, 0)
                texts.append(b"" if text is None else text.encode())
    except (ValueError, AttributeError):
        return None
    return texts


def text_of_line(line: bytes, field: str, place: str) -> str | None:
    """The text of one line of UTF-8; None for `null`, which is no text, as in a table.

    Args:
        field: the field that has the text.
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
    text = value.get(field, 0)
    if isinstance(text, str | None):
        return text
    raise _no_text(value, field, place)


def _no_text(value: dict[str, Any], field: str, place: str) -> GptprepError:
    what = f"{place} has no text in the field {field!r}"
    texts = [key for key, item in value.items() if isinstance(item, str)]
    fix = f"give --text-field {shlex.quote(texts[0][:80])}" if texts else "put the text in one field, with jq"
    if field not in value:
        fields = ", ".join(f"{key!r}"[:40] for key in list(value)[:8])
        return GptprepError(what, f"its fields are {fields or 'none'}", fix)
    why = f"the field holds {_KINDS[type(value[field])]}"
    if isinstance(value[field], list):
        jq = f'{{text: [.[{json.dumps(field)}][] | .content? // .] | join("\\n")}}'
        fix = f"join it first: jq -c {shlex.quote(jq)} FILE > JOINED.jsonl"
    return GptprepError(what, why, fix)
