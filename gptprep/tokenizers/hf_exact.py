"""Which `tokenizer.json` files gigatoken encodes to the ids of `tokenizers`, and for which texts.

gigatoken reads the same file and merges as `tokenizers` does: the listed pairs in list order, and with
`ignore_merges` whole pre-tokens first. A test compares the two over random vocabularies. The rest is checked
for each file:

- The pre-tokenizer is one of `HF_PATTERNS`. There is no normalizer, or it is NFC; then gigatoken gets only
  texts that NFC does not change.
- Each merge is listed once, and a token that stands for no bytes has not the bytes of another.
- Added tokens are found at the same places. gigatoken takes the longest one at each place. `tokenizers` takes
  those that are not `normalized` first and the others in what is left, and passes over special tokens that
  are to be read as text. This is the same unless one of those that come later, or that are passed over, can
  hide another.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from gptprep.errors import CorruptDataError
from gptprep.tokenizers.byte_level import BYTE_ORDER, to_text
from gptprep.tokenizers.hf_patterns import HfPattern, pattern_of
from gptprep.tokenizers.hf_to_tiktoken import NotExactError, check_model_settings, checked_vocab
from gptprep.tokenizers.unicode_guard import may_differ, symbols_may_differ

_BYTES = frozenset(to_text(bytes([byte])) for byte in BYTE_ORDER)
_FOREIGN = re.compile(f"[^{re.escape(''.join(_BYTES))}]")
"""A character that stands for no byte."""
_FLAGS = ("special", "normalized", "lstrip", "rstrip", "single_word")


class AddedToken(NamedTuple):
    """A token that is found in a text before its pre-tokens are."""

    content: str
    id: int
    special: bool
    normalized: bool
    is_plain: bool
    """Whether it matches itself only, whatever is around it."""


class ExactFile(NamedTuple):
    """What is known of a file that gigatoken encodes."""

    pattern: HfPattern
    is_nfc: bool
    vocab: dict[str, int]
    """The tokens of the model."""
    added: tuple[AddedToken, ...]
    foreign: frozenset[str]
    """Tokens of the model that stand for no bytes, so that no merges give them."""

    def may_differ(self, text: bytes) -> bool:
        """Whether gigatoken may give other ids for a valid UTF-8 text without added tokens."""
        return (
            may_differ(text)
            or (self.pattern.names_symbols and symbols_may_differ(text))
            or (self.is_nfc and not is_nfc(text))
        )

    def is_safe_after(self, character: str) -> bool:
        """The rule for split points, which are found before the normalizer changes the text."""
        is_stable = not self.is_nfc or unicodedata.is_normalized("NFC", character)
        return is_stable and self.pattern.is_safe_after(character)


def exact_file(value: dict[str, Any], path: str) -> ExactFile:
    """Check the contents of a `tokenizer.json`.

    Raises:
        NotExactError: gigatoken does not implement it, or may give other ids.
    """
    pattern = pattern_of(value.get("pre_tokenizer"))
    if pattern is None:
        raise NotExactError("its pre-tokenizer is not one that gigatoken has")
    model = value["model"]
    check_model_settings(model)
    try:
        vocab = checked_vocab(model.get("vocab"), path)
    except CorruptDataError as error:
        raise NotExactError(error.why) from None
    if not vocab.keys() >= _BYTES:
        raise NotExactError("it has no tokens for some bytes")
    _check_merges(model.get("merges"))
    decoder = value.get("decoder")
    if not isinstance(decoder, dict) or decoder.get("type") != "ByteLevel":
        raise NotExactError("its decoder is not byte-level")
    added = _added_tokens(value.get("added_tokens") or [], vocab)
    is_nfc = _is_nfc(value.get("normalizer"))
    if is_nfc and not all(unicodedata.is_normalized("NFC", token.content) for token in added):
        raise NotExactError("its normalizer changes an added token")
    return ExactFile(pattern, is_nfc, vocab, added, _foreign(vocab, added))


# Settings


def _is_nfc(normalizer: object) -> bool:
    """Whether the normalizer is NFC; False if there is none, also for a sequence of no steps."""
    if normalizer is None or normalizer == {"type": "Sequence", "normalizers": []}:
        return False
    if normalizer in ({"type": "NFC"}, {"type": "Sequence", "normalizers": [{"type": "NFC"}]}):
        return True
    raise NotExactError("it has a normalizer")


def is_nfc(text: bytes) -> bool:
    """Whether NFC does not change a valid UTF-8 text.

    That holds for `tokenizers` too, which follows an older Unicode than Python: to it, newer characters are
    ones that do not combine, and text with only the others is changed by both or by neither.
    """
    if text.isascii():
        return True
    import numpy as np

    if np.frombuffer(text, np.uint8).max() < 0xCC:  # all characters are below U+0300
        return True
    return unicodedata.is_normalized("NFC", text.decode())


# Tokens and merges


def _check_merges(merges: object) -> None:
    """Each is there once, and all are written in the same way."""
    if not isinstance(merges, list) or (types := {*map(type, merges)}) not in (set(), {str}, {list}):
        raise NotExactError("its model has no list of merges")
    try:
        n_different = len({*merges} if types == {str} else {*map(tuple, merges)})
    except TypeError:
        raise NotExactError("a merge is not two tokens") from None
    if n_different != len(merges):
        raise NotExactError("a merge is there twice")


def check_known_merges(merges: Any, vocab: dict[str, int], path: str) -> None:
    """Raise a `CorruptDataError` if a merge is not of two tokens that make one: gigatoken would skip it."""
    try:
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
        is_known = all(left in vocab and right in vocab and left + right in vocab for left, right in pairs)
    except (TypeError, ValueError):
        is_known = False
    if not is_known:
        what = f"{path} is not a tokenizer that Hugging Face's library loads"
        raise CorruptDataError(what, "a merge is not of two tokens that make one")


def _foreign(vocab: dict[str, int], added: Iterable[AddedToken]) -> frozenset[str]:
    """The tokens with characters that stand for no bytes."""
    known = {token.content for token in added if _FOREIGN.search(token.content)}
    rest = vocab.keys() - known
    others = rest if _FOREIGN.search("".join(rest)) else ()  # usually only added tokens have them
    foreign = (known & vocab.keys()) | {*filter(_FOREIGN.search, others)}
    if any(to_text(token.encode(errors="surrogatepass")) in vocab for token in foreign):
        raise NotExactError("two tokens have the same bytes")
    return frozenset(foreign)


# Added tokens


def _added_tokens(added: object, vocab: dict[str, int]) -> tuple[AddedToken, ...]:
    """The added tokens, if both engines find them at the same places."""
    tokens: dict[str, AddedToken] = {}
    next_id = len(vocab)
    for token in added if isinstance(added, list) else [None]:
        if not isinstance(token, dict) or not isinstance(token.get("content"), str) or not token["content"]:
            raise NotExactError("an added token is incomplete")
        content = token["content"]
        if not all(isinstance(token.get(flag), bool) for flag in _FLAGS):
            raise NotExactError(f"a setting of the added token {content} is missing")
        expected = vocab.get(content, next_id)
        if token.get("id") != expected or content in tokens:
            raise NotExactError(f"the id of the added token {content} is not the next one")
        is_plain = not (token["lstrip"] or token["rstrip"] or token["single_word"])
        tokens[content] = AddedToken(content, expected, token["special"], token["normalized"], is_plain)
        next_id = max(next_id, expected + 1)
    _check_ids(tokens, vocab)
    _check_overlaps(tokens.values())
    return tuple(tokens.values())


def _check_ids(tokens: dict[str, AddedToken], vocab: dict[str, int]) -> None:
    new_ids = {token.id for content, token in tokens.items() if content not in vocab}
    if not new_ids.isdisjoint(vocab.values()):
        raise NotExactError("an added token has the id of another token")


def _check_overlaps(tokens: Iterable[AddedToken]) -> None:
    kinds: dict[tuple[bool, bool], set[str]] = defaultdict(set)
    for token in tokens:
        kinds[token.special, token.normalized].add(token.content)
    pairs = [
        (kinds[True, True] | kinds[False, True], kinds[True, False] | kinds[False, False]),
        (kinds[True, False], kinds[False, False]),
        (kinds[True, True], kinds[False, True]),
    ]
    for one, other in pairs:
        if overlap := _overlap(one, other):
            raise NotExactError(f"its added tokens {overlap[0]} and {overlap[1]} can overlap")


def _overlap(tokens: set[str], others: set[str]) -> tuple[str, str] | None:
    """A token that can hide one of some others, which is in it or starts in it, and that one."""
    starts = {other[:length]: other for other in others for length in range(1, len(other) + 1)}
    for token in tokens:
        for first in (place for place, character in enumerate(token) if character in starts):
            if first and (other := starts.get(token[first:])):
                return token, other
            for stop in range(first + 1, len(token)):
                if token[first:stop] in others:
                    return token, token[first:stop]
    return None
