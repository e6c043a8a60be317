r"""Long runs of white space, which tiktoken's patterns cannot match.

For `\s+(?!\S)` its regular expression engine remembers each character of a run, and no more than a million.
The result is known without it. In the three patterns a boundary between pre-tokens lies before each run, and
the run is one pre-token, except that its last character belongs to what follows if that is not white space:

- GPT-2's pattern: a run of any white space. Nothing but a single space takes characters of a run along.
- cl100k and o200k: a run without line ends. Punctuation takes line ends along, and `\s*[\r\n]` takes all up
  to the last line end, so what is left has none. If a line end follows, the run belongs to it: no limit.

At the end of a text `\s++$` has no limit, and o200k, which lacks it, takes the whole run.
"""

import re
from collections.abc import Iterator

from gptprep.tokenizers.published import CL100K_PATTERN, GPT2_PATTERN, O200K_PATTERN, WHITE_SPACE

_MIN_LENGTH = 100_000
"""Characters of a run that is divided; tiktoken 0.14 fails at about 998,000."""
_BLANKS = WHITE_SPACE.replace(r"\t-\r", r"\t\x0b\x0c")
"""White space without line ends."""
_RUNS_OF = {GPT2_PATTERN: WHITE_SPACE, CL100K_PATTERN: _BLANKS, O200K_PATTERN: _BLANKS}


def divide(text: str, pattern: str, min_length: int = _MIN_LENGTH) -> Iterator[tuple[str, bool]]:
    """Divide a text, without special tokens, between pre-tokens so that each long run is a part of its own.

    Args:
        pattern: what divides a text into pre-tokens. For other patterns than the three, the whole text is
            one part.
        min_length: the characters of a run that is long, 2 or more.

    Yields:
        Each part, and whether it is one pre-token.
    """
    done = 0
    for start, stop in _runs(text, pattern, min_length):
        if stop < len(text):
            if text[stop] in "\r\n":
                continue
            stop -= 1
        elif pattern != O200K_PATTERN:
            continue
        yield text[done:start], False
        yield text[start:stop], True
        done = stop
    yield text[done:], False


def _runs(text: str, pattern: str, min_length: int) -> Iterator[tuple[int, int]]:
    if pattern in _RUNS_OF:
        white_space = _RUNS_OF[pattern]
        # A run that is too short is looked at once only: it is not searched again from its second character.
        for match in re.finditer(f"(?<![{white_space}])[{white_space}]{{{min_length},}}", text):
            yield match.span()
