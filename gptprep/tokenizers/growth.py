"""How many times longer the steps of a `tokenizer.json` can make a text.

`tokenizers` holds about 160 bytes for each byte of a text that the steps have made, so a step that replaces
one byte by a million takes gigabytes for a line of text. The bound is for any text, so it is far above what
ordinary text gives: 132 for the steps of T5 or ALBERT, which make English hardly longer.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from gptprep.errors import CorruptDataError, GptprepError

LIMIT = 1000
"""Times; published files stay far below."""

_MAX_SHARES = 200
"""More are taken for one, so that the work does not grow with the square of the number of steps."""

_Characters = frozenset[str] | None
"""Characters that a pattern can match or that a step can make; None for any."""

_SEQUENCES = ("normalizers", "pretokenizers", "decoders")
_UNICODE_STEPS = ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt")
"""They make other characters, and no file can tell them which. A text becomes 17 times as long at most,
however often they are repeated; that is not counted."""
_DOUBLING = ("BertNormalizer", "WordPiece", "BPEDecoder", "CTC")
"""They add white space around characters or tokens."""
_ATOM = re.compile(
    r"(?P<literal>[^\\\[\](){}|*?+^$.])|\\(?P<escaped>[\[\](){}|*?+^$.\\/-])|\[(?P<one_of>[^\[\]\\^&-]+)\]"
    r"|(?:\.|\\[dswDSW]|\\[pP]\{[^{}]*\})"
)
_REPEATED = re.compile(r"\+|\{([1-9]\d{0,8})(?:,\d*)?\}|")


class _Step(NamedTuple):
    """A step that changes a text.

    Attributes:
        factor: bytes that it makes of one byte that it matches, at least 1.
        matches: what it can match.
        makes: characters of what it makes.
        inserts: whether it keeps what it matches, and inserts something there.
    """

    name: str
    factor: float
    matches: _Characters
    makes: _Characters
    inserts: bool


class _Share(NamedTuple):
    """What some steps make of one byte: at most so many bytes, of these characters."""

    size: float
    characters: _Characters
    inserts: bool


def check_growth(value: dict[str, Any], path: str) -> None:
    """Refuse a `tokenizer.json` whose steps can make a text more than `LIMIT` times as long.

    Raises:
        GptprepError: they can; the error names the step and the growth.
        CorruptDataError: a step is not a JSON object.
    """
    model = value.get("model")
    encoding = [
        *_steps(value.get("normalizer"), "normalizer", path),
        *_steps(value.get("pre_tokenizer"), "pre_tokenizer", path),
        *_marks(model if isinstance(model, dict) else {}),
    ]
    for steps in (encoding, [*_steps(value.get("decoder"), "decoder", path)]):
        for step, growth in _growths(steps):
            if growth > LIMIT:
                what = f"{path} can make a text {math.ceil(growth):,} times as long"
                why = f"{step.name} is the step that exceeds the limit of {LIMIT:,} times"
                raise GptprepError(what, why, "shorten what this step inserts, or use another tokenizer")


def _growths(steps: list[_Step]) -> Iterator[tuple[_Step, float]]:
    """The steps, and how many bytes one byte can have become after each.

    A step works on the text's own bytes, and on what earlier steps made if it can match any character
    of that. Only then do the factors multiply.
    """
    shares: list[_Share] = []
    for step in steps:
        touched, others = list[_Share](), list[_Share]()
        for share in shares:
            (touched if _overlap(step.matches, share.characters) else others).append(share)
        made = _joined([*touched, _Share(1, step.makes, step.inserts)])
        shares = [*others, made._replace(size=step.factor * made.size)]
        if len(shares) > _MAX_SHARES:
            shares = [_joined(shares)]
        yield step, _size_of(shares)


def _joined(shares: list[_Share]) -> _Share:
    sets = [share.characters for share in shares if share.characters is not None]
    characters = frozenset[str]().union(*sets) if len(sets) == len(shares) else None
    return _Share(_size_of(shares), characters, any(share.inserts for share in shares))


def _size_of(shares: list[_Share]) -> float:
    """The bytes of one byte: it is replaced once at most, and anything can be inserted beside it."""
    replaced = max((share.size for share in shares if not share.inserts), default=1)
    return replaced + sum(share.size - 1 for share in shares if share.inserts)


def _overlap(one: _Characters, other: _Characters) -> bool:
    if one == frozenset():  # it matches nothing and only inserts
        return False
    return one is None or other is None or not one.isdisjoint(other)


# Steps


def _steps(value: object, place: str, path: str) -> Iterator[_Step]:
    """The steps of a setting in order, without those that make no text longer.

    `tokenizers` recognizes a step without a `type` by its other keys, so these count here.
    """
    stack = [value]
    while stack:
        step = stack.pop()
        if step is None:
            continue
        if not isinstance(step, dict):  # `tokenizers` takes some lists for objects
            raise CorruptDataError(f"{path} is not a valid tokenizer", f"a step of its {place} is no object")
        for key in _SEQUENCES:
            if isinstance(items := step.get(key), list):
                stack.extend(reversed(items))
        name = f"{str(step.get('type', 'a step without a type'))[:40]} in its {place}"
        yield from _effects(step, name)


def _effects(step: dict[str, Any], name: str) -> Iterator[_Step]:
    """What a step does to a text."""
    kind, content, prepended = step.get("type"), step.get("content"), step.get("prepend")
    if isinstance(content, str) and "pattern" in step:
        shortest, characters = _pattern(step["pattern"])
        size = _size(content)
        factor = max(1.0, size / shortest) if shortest else size + 1.0
        yield _Step(name, factor, characters, frozenset(content), inserts=not shortest)
    if isinstance(prepended, str):  # once for each text between added tokens
        yield _Step(name, _size(prepended) + 1, frozenset(), frozenset(prepended), inserts=True)
    if isinstance(charsmap := step.get("precompiled_charsmap"), str):
        yield _Step(name, _longest_replacement(charsmap), None, None, inserts=False)
    if kind == "ByteLevel":
        yield _Step(name, 4 if step.get("add_prefix_space", True) else 2, None, None, inserts=True)
    elif kind == "Metaspace":  # in front of each text that it gets
        replacement = str(step.get("replacement"))
        yield _Step(name, _size(replacement) + 1, None, frozenset(replacement), inserts=True)
    elif kind in _UNICODE_STEPS:
        yield _Step(name, 1, None, None, inserts=False)
    elif kind in _DOUBLING:
        yield _Step(name, 2, None, None, inserts=True)


def _marks(model: dict[str, Any]) -> Iterator[_Step]:
    """What a model adds to each character before it looks it up."""
    for setting in ("continuing_subword_prefix", "end_of_word_suffix"):
        if isinstance(mark := model.get(setting), str) and mark:
            yield _Step(f"{setting} in its model", _size(mark) + 1, None, None, inserts=True)


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _longest_replacement(charsmap: str) -> int:
    """The bytes of the longest string of a table of sentencepiece: a trie, and strings that end with NUL."""
    try:
        data = base64.b64decode(charsmap)
    except (ValueError, binascii.Error):
        return 1  # `tokenizers` cannot load it
    return max(1, *map(len, data[4 + int.from_bytes(data[:4], "little") :].split(b"\0")))


def _pattern(value: object) -> tuple[int, _Characters]:
    """The bytes of the shortest text that a pattern matches, and the characters that it can match.

    Of regular expressions it understands single characters and classes with their repetitions, which cover
    those of published files; any other may match anything, and also nothing.
    """
    pattern = value if isinstance(value, dict) else {}
    if isinstance(literal := pattern.get("String"), str):
        return _size(literal), frozenset(literal)
    regex = pattern.get("Regex")
    position, shortest = 0, 0
    known: _Characters = frozenset()
    while isinstance(regex, str) and position < len(regex):
        atom = _ATOM.match(regex, position)
        if atom is None:
            return 0, None
        repeated = _REPEATED.match(regex, atom.end())
        times = int(repeated[1] or 1) if repeated else 1
        position = repeated.end() if repeated else atom.end()
        one_of = atom["literal"] or atom["escaped"] or atom["one_of"]
        shortest += times * (min(map(_size, one_of)) if one_of else 1)
        known = known | frozenset(one_of) if known is not None and one_of else None
    return (shortest, known) if shortest else (0, None)
