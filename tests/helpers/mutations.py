"""Changed files: other bytes, and structures that hold values nobody expects."""

from __future__ import annotations

import base64
import copy
import json
from random import Random
from typing import Any

DEEP = [10, 300, 900, 970, 990, 3_000, 100_000]
_BYTES = b'\0\xff{}[]",:-9.\n\r \x80\xc3'


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


_VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 255, 256, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *((1 << bits) + more for bits in (16, 31, 32, 53, 62, 63, 64, 100) for more in (-1, 0)),
    *(10**13, -(10**13), 10**300, "", "x", "\0", "\ud800", "a\nb", "\x1b[31m", "../x", "/etc/passwd", "🙂"),
    *("9" * 5_000, "é" * 100_000, [], {}, [[]], [{}], {"": None}, [0] * 10_000, "<|endoftext|>", "Regex"),
]


def bytes_changed(random: Random, data: bytes) -> bytes:
    """The data with some bytes flipped, set, inserted, removed or repeated, or truncated."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        place = random.randrange(len(changed) + 1)
        end = place + random.choice((1, 1, 2, 8, 100, 1 << 20))
        match random.randrange(8):
            case 0 | 1 if place < len(changed):
                changed[place] ^= 1 << random.randrange(8)
            case 2 if place < len(changed):
                changed[place] = random.choice(_BYTES)
            case 3:
                changed[place:place] = bytes(random.choice(_BYTES) for _ in range(random.randrange(1, 9)))
            case 4:
                del changed[place:end]
            case 5:
                changed[place:place] = changed[place : min(end, place + 1_000)] * random.choice((1, 2, 50))
            case 6:
                del changed[place:]
            case _:
                changed[place:end] = b"%d" % random.choice((-1, 0, 1 << 31, 1 << 63, 10**13, 10**40))
    return bytes(changed)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a value, with each of its keys."""
    found, left = [], [value]
    while left:
        container = left.pop()
        for key in list(container) if isinstance(container, dict) else range(len(container)):
            found.append((container, key))
            if isinstance(container[key], (dict, list)):
                left.append(container[key])
    return found


def value_changed(random: Random, value: Any) -> Any:
    """A JSON value in which some items are replaced, removed, repeated, renamed or swapped."""
    value = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        places = _places(value)
        if not places:
            break
        (container, key), (other, other_key) = random.choice(places), random.choice(places)
        match random.randrange(8):
            case 0:
                del container[key]
            case 1 if isinstance(container, dict):
                container[random.choice([str(other_key), "", "x", "../x"])] = container.pop(key)
            case 2 if isinstance(container, list):
                container.insert(random.randrange(len(container) + 1), copy.deepcopy(container[key]))
            case 3:
                container[key] = copy.deepcopy(other[other_key])
            case 4 if isinstance(container[key], int):
                container[key] += random.choice((-1, 1, 2, 100))
            case _:
                container[key] = copy.deepcopy(random.choice(_VALUES))
    return value


def json_changed(random: Random, data: bytes) -> bytes:
    """A JSON file with another structure, nested too deeply, or with other bytes."""
    kind = random.randrange(10)
    if kind < 2:
        return bytes_changed(random, data)
    value = json.loads(data)
    if kind > 2:
        return json.dumps(value_changed(random, value)).encode()
    for container, key in random.sample(places := _places(value), min(1, len(places))):
        container[key] = "@deep"
    return json.dumps(value).replace('"@deep"', _nested(random.choice(DEEP))).encode()


_SHAPES = [
    "(3,)",
    "(10000000000000,)",
    "(-1,)",
    "(0, 1152921504606846976)",
    "(2, 3)",
    "()",
    "(3)",
    "[3]",
    "3",
]
_SHAPES += ["(1.5,)", "(3,)*9", "((3,),)", "(" * 5_000, "9" * 5_000, "(" + "1," * 100 + ")"]
_DTYPES = ["<u2", "<u4", "<i8", ">u2", "|O", "<U4", "|V8", "<f8", "|b1", "<M8", "<u3", "|u1", "u2", "=u2"]


def npy_changed(random: Random, data: bytes) -> bytes:
    """A `.npy` file with another header, or with other bytes."""
    if random.randrange(3) == 0:
        return bytes_changed(random, data)
    length = int.from_bytes(data[8:10], "little")
    header, payload = data[10 : 10 + length].decode("latin-1"), data[10 + length :]
    if random.randrange(2):
        shape = random.choice(_SHAPES)
        header = header.replace(header[header.index("(") : header.index(")") + 1], shape)
    if random.randrange(2):
        header = header.replace(header[header.index("<") :][:3], random.choice(_DTYPES))
    if random.randrange(4) == 0:
        header = header.replace("False", random.choice(("True", "0", "None", "False, 'x': 1")))
    version = random.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    said = len(header) + random.choice((0, 0, 0, -1, 1, 1 << 15, 1 << 31))
    width = 2 if version[0] == 1 else 4
    size = min(max(said, 0), (1 << 8 * width) - 1).to_bytes(width, "little")
    payload = payload[: len(payload) + random.choice((0, 0, -1, -7))] + random.choice((b"", b"", b"x"))
    return data[:6] + version + size + header.encode("latin-1") + payload


_RANKS = [0, 1, 5, -1, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 64, 10**40]


def ranks_changed(random: Random, data: bytes) -> bytes:
    """A rank file with other ranks, repeated tokens, missing lines, or other bytes."""
    if random.randrange(3) == 0:
        return bytes_changed(random, data)
    lines = data.splitlines()
    for _ in range(random.choice((1, 1, 2, 5))):
        place = random.randrange(len(lines))
        token, _, rank = lines[place].partition(b" ")
        match random.randrange(6):
            case 0:
                del lines[place]
            case 1:
                lines.insert(random.randrange(len(lines)), lines[place])
            case 2:
                new = bytes(random.randrange(256) for _ in range(random.choice((0, 1, 2, 40, 3_000))))
                lines[place] = base64.b64encode(new) + b" " + rank
            case 3:
                lines[place] = random.choice(
                    (b"", b" ", b"= 1", b"\xff 3", token, rank, b"YQ== 0x10", b"YQ== 1 2")
                )
            case 4:
                lines[place] = token + b" %d" % random.randrange(len(lines) + 5)
            case 5 if random.randrange(9):
                lines[place] = token + b" %d" % random.choice(_RANKS)
            case _:
                lines[place] = token + b" " + b"9" * 9_000
    return b"\n".join(lines) + b"\n"
