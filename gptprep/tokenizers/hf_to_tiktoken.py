"""Converting a `tokenizer.json` to a tiktoken vocabulary that gives the same ids, proved for each file.

The two algorithms differ in what they look up. `tokenizers` merges the listed pairs only; tiktoken merges any
two neighbours that form a token, and takes a pre-token that is a token as it is. They agree if

- the merges of each token are consecutive in the list, and one of them joins tokens made earlier, so that the
  merges of a text happen in list order;
- each token is reachable: its own text is encoded as this one token. Every text between two token boundaries
  is then built in one way, and there is no pair that one algorithm merges and the other does not.

`tokenizers` never gives an unreachable token, so tiktoken's vocabulary leaves it out. With `ignore_merges` it
does give one, for a whole pre-token, so all tokens must be reachable.
"""

import re
from itertools import chain, pairwise
from operator import ne
from typing import Any, NamedTuple

from gptprep.errors import CorruptDataError
from gptprep.tokenizers.byte_level import BYTE_ORDER, to_bytes, to_text
from gptprep.tokenizers.hf_patterns import BYTE_LEVEL_REGEX, LLAMA3_REGEX, regexes_of
from gptprep.tokenizers.published import CL100K_PATTERN, GPT2_PATTERN, O200K_PATTERN
from gptprep.tokenizers.vocabulary import id_gap

MAX_ID = (1 << 31) - 1

_GPT2_REGEX = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_PATTERNS: dict[tuple[str, ...], str] = {
    (BYTE_LEVEL_REGEX,): GPT2_PATTERN,
    (_GPT2_REGEX,): GPT2_PATTERN,
    (LLAMA3_REGEX,): CL100K_PATTERN,
    (O200K_PATTERN,): O200K_PATTERN,
}
"""Regular expressions in such files, and tiktoken's patterns that give the same pre-tokens.

At the end of a text, tiktoken's cl100k pattern does not separate white space after the last line end, and the
other does; this makes no difference if no token contains both.

tiktoken's own cl100k pattern is not a key: to `tokenizers` its `{1,3}+` is a repetition of repetitions.
"""


_LINE_END_AND_MORE = re.compile(rb"[\r\n](?:[ \t\v\f]|[\xc2\xe1-\xe3])")


class NotExactError(Exception):
    """Only `tokenizers` gives the ids of this file; the message says why."""


class ConvertedBpe(NamedTuple):
    """A vocabulary for tiktoken, and the file's ids for its ranks."""

    pattern: str
    tokens: tuple[bytes, ...]
    """By rank: the single bytes, then the reachable tokens in merge order."""
    ids: tuple[int, ...]
    """By rank."""
    special_tokens: dict[str, int]
    bytes_of: dict[int, bytes]
    """The bytes of every id, including those that no text gives."""


def convert(value: dict[str, Any], path: str) -> ConvertedBpe:
    """Convert the contents of a `tokenizer.json`.

    Raises:
        NotExactError: it is not byte-level BPE, or tiktoken's algorithm would not give its ids.
        CorruptDataError: it is not a valid tokenizer.
    """
    pattern = _pattern(value)
    model = value["model"]
    check_model_settings(model)
    if value.get("normalizer") is not None:
        raise NotExactError("it has a normalizer")
    vocab = checked_vocab(model.get("vocab"), path)
    ignore_merges = bool(model.get("ignore_merges"))
    special_tokens = _special_tokens(value.get("added_tokens") or [], vocab)
    if missing := [byte for byte in BYTE_ORDER if to_text(bytes([byte])) not in vocab]:
        raise NotExactError(f"it has no token for the byte 0x{missing[0]:02x}")
    merges = _Merges(_pairs(model.get("merges"), vocab, path))
    made = merges.reachable
    if ignore_merges and len(made) + 256 != len(vocab):
        raise NotExactError("it ignores merges and has tokens that no merge makes")
    if same := special_tokens.keys() & set(merges.made):
        raise NotExactError(f"its special token {min(same)} is an ordinary one as well")
    texts = [*(to_text(bytes([byte])) for byte in BYTE_ORDER), *made]
    if same_as_byte := special_tokens.keys() & set(texts[:256]):
        raise NotExactError(f"its special token {min(same_as_byte)} is a byte as well")
    try:
        tokens = tuple(map(to_bytes, texts))
    except KeyError as error:
        what = f"a merge makes the character {error.args[0]!r}, which stands for no byte"
        raise NotExactError(what) from None
    if pattern == CL100K_PATTERN and any(_LINE_END_AND_MORE.search(token) for token in tokens):
        raise NotExactError("it has a token of a line end and white space, which tiktoken would separate")
    bytes_of = {token_id: _bytes_of(token) for token, token_id in vocab.items()}
    bytes_of |= {token_id: token.encode() for token, token_id in special_tokens.items()}
    ids = tuple(map(vocab.__getitem__, texts))
    return ConvertedBpe(pattern, tokens, ids, special_tokens, bytes_of)


def checked_vocab(vocab: object, path: str) -> dict[str, int]:
    """The `vocab` of a BPE model.

    Raises:
        CorruptDataError: it is not tokens and their ids, each once.
    """
    why = ""
    if not isinstance(vocab, dict) or not vocab:
        why = "its model has no vocab"
    elif {*map(type, vocab.values())} != {int} or min(vocab.values()) < 0 or max(vocab.values()) > MAX_ID:
        wrong = next(token for token, n in vocab.items() if type(n) is not int or not 0 <= n <= MAX_ID)
        why = f"the id of {wrong[:40]!r} is not a number from 0 to {MAX_ID}"
    elif len(set(vocab.values())) != len(vocab):
        why = "two tokens have the same id"
    else:
        why = id_gap(max(vocab.values()), len(vocab))
    if why:
        raise CorruptDataError(f"{path} is not a valid tokenizer", why)
    return vocab  # type: ignore[return-value]  # checked above, item by item


def _bytes_of(token: str) -> bytes:
    try:
        return to_bytes(token)
    except KeyError:
        return token.encode(errors="replace")


# The settings around the model


def _pattern(value: dict[str, Any]) -> str:
    """tiktoken's pattern for the file's pre-tokenizer."""
    pattern = _PATTERNS.get(regexes_of(value.get("pre_tokenizer")))
    if pattern is None:
        raise NotExactError("its pre-tokenizer is not one that tiktoken has")
    return pattern


def check_model_settings(model: dict[str, Any]) -> None:
    """Raise a `NotExactError` if the model is not BPE over bytes, or does more than merge."""
    if model.get("type", "BPE") != "BPE":
        raise NotExactError(f"its model is not BPE but {str(model['type'])[:40]}")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise NotExactError("it marks the starts or ends of words")
    for setting in ("dropout", "byte_fallback"):
        if model.get(setting):
            raise NotExactError(f"it has {setting}")


def _special_tokens(added: object, vocab: dict[str, int]) -> dict[str, int]:
    """The added tokens and their ids, if tiktoken matches them where `tokenizers` does."""
    special_tokens: dict[str, int] = {}
    kinds = set()
    next_id = len(vocab)
    for token in added if isinstance(added, list) else [None]:
        if not isinstance(token, dict) or not isinstance(token.get("content"), str) or not token["content"]:
            raise NotExactError("an added token is incomplete")
        content = token["content"]
        expected = vocab.get(content, next_id)
        if token.get("special") is not True or any(map(token.get, ("single_word", "lstrip", "rstrip"))):
            raise NotExactError(f"the added token {content} is not a plain special token")
        if token.get("id") != expected or content in special_tokens:
            raise NotExactError(f"the id of the added token {content} is not the next one")
        special_tokens[content] = expected
        next_id = max(next_id, expected + 1)
        kinds.add(bool(token.get("normalized")))
    in_order = sorted(special_tokens)
    if len(kinds) > 1 or any(longer.startswith(shorter) for shorter, longer in pairwise(in_order)):
        raise NotExactError("an added token is the start of another, or they are matched at different times")
    others = vocab.keys() - special_tokens.keys()
    if not {vocab[token] for token in others}.isdisjoint(special_tokens.values()):
        raise NotExactError("an added token has the id of another token")
    return special_tokens


# Merges


def _pairs(merges: object, vocab: dict[str, int], path: str) -> list[tuple[str, str]]:
    if not isinstance(merges, list):
        raise CorruptDataError(f"{path} is not a valid tokenizer", "its model has no merges")
    pairs: list[tuple[str, str]] = []
    for number, merge in enumerate(merges):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(pair, list) or len(pair) != 2:
            raise CorruptDataError(f"{path} is not a valid tokenizer", f"merge {number} is not two tokens")
        pairs.append((pair[0], pair[1]))
    if not {type(token) for pair in pairs for token in pair} <= {str}:
        raise CorruptDataError(f"{path} is not a valid tokenizer", "a merge is not two tokens")
    for number, (left, right) in enumerate(pairs):
        if left not in vocab or right not in vocab or left + right not in vocab:
            raise CorruptDataError(f"{path} is not a valid tokenizer", f"merge {number} is of unknown tokens")
    return pairs


class _Merges:
    """The merges of a vocabulary.

    Tokens have numbers here: first those of one character, which are there before all merges, then the others
    as they are made, and those that no merge makes last.

    Attributes:
        made: the tokens that merges make, in order.
        reachable: those whose own text is encoded as this one token, in order.
    """

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        made = [left + right for left, right in pairs]
        self.made = tuple(dict.fromkeys(made))
        n_runs = sum(map(ne, made, made[1:])) + bool(made)
        if len({*pairs}) != len(pairs) or n_runs != len(self.made) or any("" in pair for pair in pairs):
            raise NotExactError("its merges are out of order")
        halves = dict.fromkeys(chain.from_iterable(pairs))
        single = [token for token in halves if len(token) == 1]
        numbers = {token: n for n, token in enumerate(dict.fromkeys([*single, *self.made, *halves]))}
        self._n_single, self._n = len(single), len(numbers)
        lefts, rights = ([numbers[pair[side]] for pair in pairs] for side in (0, 1))
        tokens = [numbers[token] for token in made]
        keys = (left * self._n + right for left, right in zip(lefts, rights, strict=True))
        self._made_of = dict(zip(keys, tokens, strict=True))
        self._halves: list[tuple[int, int] | None] = [None] * self._n
        self._find_reachable(lefts, rights, tokens)
        self.reachable = [token for token in self.made if self._halves[numbers[token]]]

    def _find_reachable(self, lefts: list[int], rights: list[int], tokens: list[int]) -> None:
        """Note which two tokens each reachable token is made of, in list order."""
        halves, n_single, late = self._halves, self._n_single, set[int]()
        for left, right, token in zip(lefts, rights, tokens, strict=True):
            if left > token or right > token:
                late.add(token)
            elif (
                halves[token] is None
                and (left < n_single or halves[left])
                and (right < n_single or halves[right])
                and self._stay_apart(left, right, token)
            ):
                halves[token] = left, right
        if any(halves[token] is None for token in late):
            raise NotExactError("a merge joins tokens that later merges make")

    def _stay_apart(self, left: int, right: int, limit: int) -> bool:
        """Whether two tokens can be neighbours with no merge before `limit` that joins across them.

        Goes back in time: of the two, the one made later is taken apart, and its half next to the other token
        was the neighbour until then. Equal pairs merge from left to right, so the left token is made first.
        """
        made_of, halves, n_single, n = self._made_of, self._halves, self._n_single, self._n
        while made_of.get(left * n + right, n) >= limit:
            if left < n_single and right < n_single:
                return True
            if left > right:
                limit, (_, left) = left, halves[left]  # type: ignore[misc]  # both are reachable
            else:
                limit, (right, _) = right + 1, halves[right]  # type: ignore[misc]
        return False
