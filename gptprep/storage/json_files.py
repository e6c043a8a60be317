"""JSON files: written the same on every machine, and read without trusting them."""

import json
from dataclasses import fields, is_dataclass
from typing import Any

from gptprep.errors import CorruptDataError
from gptprep.storage.files import read_regular
from gptprep.units import GIB


def json_bytes(value: Any) -> bytes:
    """JSON with keys in the order given, two spaces, UTF-8 and a final newline.

    Dataclasses and named tuples become objects.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2) + "\n"
    return text.encode("utf-8", "backslashreplace")


def document_bytes(schema: str, version: int, value: Any) -> bytes:
    """JSON as `json_bytes` writes it, of an object whose first keys say which schema it follows."""
    return json_bytes({"schema": schema, "version": version, **_plain(value)})


def _plain(value: Any) -> Any:
    if hasattr(value, "to_json"):
        return _plain(value.to_json())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def read_json(path: str, max_bytes: int = GIB) -> Any:
    """Read an untrusted JSON file.

    Raises:
        GptprepError: it cannot be opened, or is not a regular file.
        CorruptDataError: it is larger than `max_bytes`, not UTF-8, not JSON, or nested too deeply.
    """
    return parse_json(read_regular(path, max_bytes), path)


def parse_json(data: bytes, path: str) -> Any:
    """The value of a JSON text; raises as `read_json`."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptDataError(f"{path} is not valid JSON", str(error)) from error
