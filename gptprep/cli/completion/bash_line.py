"""A line of bash up to the cursor, as words.

Bash gives a completion its words divided at COMP_WORDBREAKS and with their quotes, so that `--kind=wo` and
`"a fi` are useless as they are.
"""

import re
from typing import NamedTuple

_PART = re.compile(
    r"""
    (?P<space>[ \t\n]+)
    | '(?P<single>[^']*)(?P<single_end>'?)
    | "(?P<double>(?:[^"\\]|\\.)*)\\?(?P<double_end>"?)
    | \\(?P<escaped>.?)
    | (?P<operator>[<>|&;()]+)
    | (?P<plain>[^ \t\n'"\\<>|&;()]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED_IN_DOUBLE = re.compile(r'\\([$`"\\\n])')
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


class BashLine(NamedTuple):
    """The words after the program, and the one at the cursor."""

    words: list[str]
    current: str
    kept: int
    """How many characters of `current` bash keeps; what is offered replaces those after them."""
    is_expanded: bool
    """Whether bash would replace something in `current`, such as `$HOME`, which is not known here."""
    is_redirection: bool
    """Whether `current` names the file of a redirection."""


class _Word:
    """A word while it is read."""

    def __init__(self) -> None:
        self.text, self.kept = "", 0
        self.is_started = self.is_expanded = False

    def add(self, text: str, *, expands: bool = False) -> None:
        self.text += text
        self.is_started = True
        self.is_expanded |= expands and ("$" in text or "`" in text)


def parse_bash_line(line: str, breaks: str) -> BashLine:
    """Read a line up to the cursor.

    Args:
        breaks: COMP_WORDBREAKS, the characters after which bash starts another word.

    >>> parse_bash_line("gptprep vocab --kind=w", "=:")[:3]
    (['vocab'], '--kind=w', 7)
    """
    words: list[str] = []
    word, is_target = _Word(), False
    for part in _PART.finditer(line):
        operator = part["operator"]
        if operator is None and part["space"] is None:
            _read(word, part, breaks)
            continue
        is_redirection = operator is not None and operator.rstrip("|&")[-1:] in ("<", ">")
        is_descriptor = is_redirection and word.text.isdecimal()  # 2>
        if word.is_started and not is_target and not is_descriptor:
            words.append(word.text)
        if word.is_started or operator:
            is_target = is_redirection
        word = _Word()
    while words and _ASSIGNMENT.match(words[0]):
        words.pop(0)
    return BashLine(words[1:], word.text, word.kept, word.is_expanded, is_target)


def _read(word: _Word, part: re.Match[str], breaks: str) -> None:
    """Add a part of the line to a word."""
    if (single := part["single"]) is not None:
        if not part["single_end"]:
            word.kept = len(word.text)
        word.add(single)
    elif (double := part["double"]) is not None:
        if not part["double_end"]:
            word.kept = len(word.text)
        word.add(_ESCAPED_IN_DOUBLE.sub(r"\1", double))
        word.is_expanded |= re.search(r"(?<!\\)[$`]", double) is not None
    elif (escaped := part["escaped"]) is not None:
        word.add(escaped)
    else:
        plain = part["plain"]
        if found := max(map(plain.rfind, breaks), default=-1) + 1:
            word.kept = len(word.text) + found
        word.add(plain, expands=True)
