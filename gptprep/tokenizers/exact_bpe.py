"""Which `tokenizer.json` tiktoken's algorithm encodes to the same ids, proved for each vocabulary.

The two algorithms differ in what they look up. `tokenizers` merges the listed pairs only; tiktoken merges any
two neighbours that are a token together, and takes a pre-token that is a token at once. They agree where

- each token's merges stand together in the list, and one of them joins tokens made earlier, so that a text's
  merges happen in the order of the list;
- each token is reachable: its own text comes out as this one token. What stands between two borders is then
  always built in one way, and there is no pair that the one would merge and the other not.

An unreachable token never comes out of `tokenizers`; tiktoken gets a table without it. With `ignore_merges`
it can, as a whole pre-token, and so all tokens must be reachable.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, NamedTuple

from gptprep.errors import DamagedData
from gptprep.tokenizers.byte_level import BYTE_ORDER, to_bytes, to_text
from gptprep.tokenizers.encodings import CL100K_PATTERN, GPT2_PATTERN, O200K_PATTERN

MAX_ID = (1 << 31) - 1

_GPT2_REGEX = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_PATTERNS = {
    _GPT2_REGEX: GPT2_PATTERN,
    _LLAMA3_REGEX: CL100K_PATTERN,
    O200K_PATTERN: O200K_PATTERN,
}
"""Regular expressions as such files have them, and tiktoken's that cut every text at the same places.

At the end of a text, tiktoken's for cl100k does not cut white space after its last line end, as the other
does: that is no matter where no token goes across.

tiktoken's own for cl100k is not among them: for `tokenizers` its `{1,3}+` is a repetition of repetitions.
"""


_LINE_END_AND_MORE = re.compile(rb"[\r\n](?:[ \t\v\f]|[\xc2\xe1-\xe3])")


class NotExact(Exception):
    """Only `tokenizers` gives this file's ids; says why."""


class ExactBpe(NamedTuple):
    """What tiktoken needs, and what its ranks are called in the file."""

    pattern: str
    tokens: tuple[bytes, ...]
    """By rank: the single bytes, then the reachable tokens in the order of their merges."""
    ids: tuple[int, ...]
    """By rank."""
    special_tokens: dict[str, int]
    spelled: dict[int, bytes]
    """The bytes of every id, those that no text gives among them."""


def exact_bpe(value: dict[str, Any], path: str) -> ExactBpe:
    """Read a `tokenizer.json` as byte-level BPE.

    Raises:
        NotExact: it is something else, or tiktoken's algorithm would not give its ids.
        DamagedData: it is no tokenizer at all.
    """
    pattern = _pattern(value)
    model = value["model"]
    _check_settings(value, model)
    vocab = checked_vocab(model.get("vocab"), path)
    ignore_merges = bool(model.get("ignore_merges"))
    special_tokens = _special_tokens(value.get("added_tokens") or [], vocab)
    if missing := [byte for byte in BYTE_ORDER if to_text(bytes([byte])) not in vocab]:
        raise NotExact(f"it has no token for the byte 0x{missing[0]:02x}")
    merges = _Merges(_pairs(model.get("merges"), vocab, path))
    made = [token for token in merges.ranks if token in merges.reachable]
    if ignore_merges and len(made) + 256 != len(vocab):
        raise NotExact("it ignores merges and has tokens that no merge makes")
    if same := merges.ranks.keys() & special_tokens.keys():
        raise NotExact(f"its special token {min(same)} is an ordinary one as well")
    texts = [*(to_text(bytes([byte])) for byte in BYTE_ORDER), *made]
    if same_as_byte := special_tokens.keys() & set(texts[:256]):
        raise NotExact(f"its special token {min(same_as_byte)} is a byte as well")
    try:
        tokens = tuple(map(to_bytes, texts))
    except KeyError as error:
        raise NotExact(f"a merge makes the character {error.args[0]!r}, which is no byte") from None
    if pattern == CL100K_PATTERN and any(_LINE_END_AND_MORE.search(token) for token in tokens):
        raise NotExact("it has a token of a line end and white space after it, which tiktoken cuts elsewhere")
    spelled = {token_id: _spell(token) for token, token_id in vocab.items()}
    spelled |= {token_id: token.encode() for token, token_id in special_tokens.items()}
    ids = tuple(map(vocab.__getitem__, texts))
    return ExactBpe(pattern, tokens, ids, special_tokens, spelled)


def checked_vocab(vocab: object, path: str) -> dict[str, int]:
    """The `vocab` of a BPE model.

    Raises:
        DamagedData: it is not tokens and their ids, each once.
    """
    why = ""
    if not isinstance(vocab, dict) or not vocab:
        why = "its model has no vocab"
    elif wrong := [token for token, token_id in vocab.items() if not _is_id(token_id)]:
        why = f"the id of {wrong[0][:40]!r} is not a number from 0 to {MAX_ID}"
    elif len(set(vocab.values())) != len(vocab):
        why = "two tokens have the same id"
    if why:
        raise DamagedData(f"{path} is not a valid tokenizer", why)
    return vocab  # type: ignore[return-value]  # checked above, item by item


def _is_id(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_ID


def _spell(token: str) -> bytes:
    try:
        return to_bytes(token)
    except KeyError:
        return token.encode(errors="replace")


# The settings around the model


def _pattern(value: dict[str, Any]) -> str:
    """tiktoken's pattern for the file's pre-tokenizer."""
    step = value.get("pre_tokenizer")
    if _is_byte_level(step, use_regex=True):
        return GPT2_PATTERN
    steps = step.get("pretokenizers") if isinstance(step, dict) and step.get("type") == "Sequence" else None
    if isinstance(steps, list) and len(steps) == 2 and _is_byte_level(steps[1], use_regex=False):
        split = steps[0] if isinstance(steps[0], dict) else {}
        regex = split["pattern"].get("Regex") if isinstance(split.get("pattern"), dict) else None
        isolated = (split.get("type"), split.get("behavior"), split.get("invert")) == (
            "Split",
            "Isolated",
            False,
        )
        if isolated and isinstance(regex, str) and regex in _PATTERNS:
            return _PATTERNS[regex]
    raise NotExact("its pre-tokenizer is not one that tiktoken has")


def _is_byte_level(step: object, *, use_regex: bool) -> bool:
    return (
        isinstance(step, dict)
        and step.get("type") == "ByteLevel"
        and step.get("add_prefix_space") is False
        and step.get("use_regex", True) is use_regex
    )


def _check_settings(value: dict[str, Any], model: dict[str, Any]) -> None:
    why = ""
    if model.get("type", "BPE") != "BPE":
        why = f"its model is not BPE but {str(model['type'])[:40]}"
    elif value.get("normalizer") is not None:
        why = "it has a normalizer"
    elif model.get("dropout"):
        why = "it has dropout"
    elif model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        why = "it marks the parts of words"
    elif model.get("byte_fallback"):
        why = "it has byte_fallback"
    if why:
        raise NotExact(why)


def _special_tokens(added: object, vocab: dict[str, int]) -> dict[str, int]:
    """The added tokens, if tiktoken would find them where `tokenizers` does, with the ids it gives them."""
    special_tokens: dict[str, int] = {}
    kinds = set()
    for token in added if isinstance(added, list) else [None]:
        if not isinstance(token, dict) or not isinstance(token.get("content"), str) or not token["content"]:
            raise NotExact("an added token is not whole")
        content = token["content"]
        expected = vocab.get(content, max(len(vocab), 1 + max(special_tokens.values(), default=-1)))
        if token.get("special") is not True or any(map(token.get, ("single_word", "lstrip", "rstrip"))):
            raise NotExact(f"the added token {content} is not a plain special token")
        if token.get("id") != expected or content in special_tokens:
            raise NotExact(f"the id of the added token {content} is not the next one")
        special_tokens[content] = expected
        kinds.add(bool(token.get("normalized")))
    in_order = sorted(special_tokens)
    if len(kinds) > 1 or any(longer.startswith(shorter) for shorter, longer in pairwise(in_order)):
        raise NotExact("some of its added tokens begin alike or are sought at different times")
    others = vocab.keys() - special_tokens.keys()
    if not {vocab[token] for token in others}.isdisjoint(special_tokens.values()):
        raise NotExact("an added token has the id of another token")
    return special_tokens


# Merges


def _pairs(merges: object, vocab: dict[str, int], path: str) -> list[tuple[str, str]]:
    if not isinstance(merges, list):
        raise DamagedData(f"{path} is not a valid tokenizer", "its model has no merges")
    pairs: list[tuple[str, str]] = []
    for number, merge in enumerate(merges):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            raise DamagedData(f"{path} is not a valid tokenizer", f"merge {number} is not two tokens")
        if parts[0] not in vocab or parts[1] not in vocab or parts[0] + parts[1] not in vocab:
            raise DamagedData(f"{path} is not a valid tokenizer", f"merge {number} is of unknown tokens")
        pairs.append((parts[0], parts[1]))
    return pairs


class _Merges:
    """The merges of a vocabulary.

    Attributes:
        ranks: the tokens that merges make, in order.
        reachable: those that come out of their own text, and the pair that they are made of.
    """

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.ranks: dict[str, int] = {}
        self.reachable: dict[str, tuple[str, str]] = {}
        self._ranks_of_pairs: dict[tuple[str, str], int] = {}
        early: dict[str, list[tuple[str, str]]] = {}
        late: set[str] = set()
        last = ""
        for pair in pairs:
            token = pair[0] + pair[1]
            if pair in self._ranks_of_pairs or (token != last and token in self.ranks) or not all(pair):
                raise NotExact("its merges are out of order")
            last = token
            rank = self._ranks_of_pairs[pair] = self.ranks.setdefault(token, len(self.ranks))
            if self._rank(pair[0]) < rank and self._rank(pair[1]) < rank:
                early.setdefault(token, []).append(pair)
            else:
                late.add(token)
        for token in self.ranks:
            self._reach(token, early.get(token, []))
            if token in late and token not in self.reachable:
                raise NotExact("a merge joins tokens that later merges make")

    def _rank(self, token: str) -> int:
        """A byte was there before all merges; what no merge has made yet, or ever, comes after."""
        return -1 if len(token) == 1 else self.ranks.get(token, MAX_ID)

    def _reach(self, token: str, pairs: list[tuple[str, str]]) -> None:
        for left, right in pairs:
            known = all(len(part) == 1 or part in self.reachable for part in (left, right))
            if known and self._stay_apart(left, right, self.ranks[token]):
                self.reachable[token] = (left, right)
                return

    def _stay_apart(self, left: str, right: str, limit: int) -> bool:
        """Whether two neighbours come to be side by side, and no merge before `limit` joins across.

        Goes back in time: of the two, the later made is taken apart, and the half at the border stood there
        until it was made. Equal pairs merge from left to right, so a token on the left is made first.
        """
        while True:
            if self._ranks_of_pairs.get((left, right), MAX_ID) < limit:
                return False
            left_rank, right_rank = self._rank(left), self._rank(right)
            if left_rank < 0 and right_rank < 0:
                return True
            if left_rank > right_rank:
                limit, left = left_rank, self.reachable[left][1]
            else:
                limit, right = right_rank + 1, self.reachable[right][0]
