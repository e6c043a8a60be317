"""Training a byte-level BPE from counted pre-tokens.

Each step merges the most frequent pair of neighbouring tokens; of equally frequent pairs, the one with the
lower ids. Hugging Face's trainer and gigatoken's give the same merges, and tests compare all three. Nothing
here depends on the order of the counts, the machine or the number of threads.

The other trainers take texts, and all of them at once: gigatoken's the bytes of one plain text file, Hugging
Face's an iterator, which it counts slowly. This one trains on counts that may come from many workers.

An index of where each pair occurs (`pairs`) makes a step cost as much as the words that it changes.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple

from gptprep.errors import GptprepError, UsageError
from gptprep.tokenizers.byte_level import BYTE_ORDER, to_text
from gptprep.tokenizers.train.words import check_special_tokens

MAX_SIZE = 1 << 22
"""Ids: twenty times the largest published vocabulary."""


class BpeVocabulary(NamedTuple):
    """A trained vocabulary: the 256 bytes in GPT-2's order, a token for each merge, special tokens last."""

    merges: tuple[tuple[int, int], ...]
    special_tokens: tuple[str, ...]

    def tokens(self) -> list[bytes]:
        """The bytes of the ordinary tokens, by id, which is also the merge rank."""
        tokens = [bytes([byte]) for byte in BYTE_ORDER]
        for left, right in self.merges:
            tokens.append(tokens[left] + tokens[right])
        return tokens

    def to_json(self) -> dict[str, Any]:
        """A Hugging Face `tokenizer.json` that every version of `tokenizers` reads."""
        texts = [to_text(token) for token in self.tokens()]
        specials = dict(zip(self.special_tokens, count(len(texts)), strict=False))
        model = {
            **{"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None},
            **{"end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False},
            "vocab": {text: token_id for token_id, text in enumerate(texts)} | specials,
            "merges": [f"{texts[left]} {texts[right]}" for left, right in self.merges],
        }
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False) | {"special": True}
        added = [{"id": token_id, "content": token, **flags} for token, token_id in specials.items()]
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        return {
            **{"version": "1.0", "truncation": None, "padding": None},
            **{
                "added_tokens": added,
                "normalizer": None,
                "pre_tokenizer": byte_level,
                "post_processor": None,
            },
            **{"decoder": byte_level, "model": model},
        }


class TrainedBpe(NamedTuple):
    """A vocabulary and the token counts of the text that it was trained on."""

    vocabulary: BpeVocabulary
    counts: Counter[int]
    """By id, after all merges."""


def check_request(size: int | None, special_tokens: tuple[str, ...]) -> int:
    """The number of merges of a vocabulary of `size` ids; call it before any text is read.

    Raises:
        UsageError: there is no such vocabulary.
    """
    check_special_tokens("bpe", special_tokens)
    least = 256 + len(special_tokens)
    if size is None or not least <= size <= MAX_SIZE:
        what = "a BPE vocabulary needs a size" if size is None else f"a BPE vocabulary cannot have {size} ids"
        why = "256 bytes and the special tokens are part of it"
        raise UsageError(what, why, f"give a size from {least} to {MAX_SIZE}, such as 8192")
    return size - least


def train(
    counts: Mapping[bytes, int],
    size: int,
    special_tokens: tuple[str, ...] = ("<|endoftext|>",),
    min_count: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> TrainedBpe:
    """Train a vocabulary of `size` ids, or fewer if no pair is left that occurs `min_count` times.

    Args:
        counts: how often each pre-token occurs.
        size: the number of ids, including the 256 bytes and the special tokens.
        progress: called with the numbers of merges done and wanted.

    Raises:
        UsageError: there is no vocabulary of that size, or a special token is written like an ordinary one.
        GptprepError: there are no pre-tokens.

    >>> train({b"low": 5, b" low": 2, b" lower": 1}, 259).vocabulary.tokens()[256:]
    [b'lo', b'low']
    """
    wanted = check_request(size, special_tokens)
    if not counts:
        raise GptprepError("the text has no tokens", fix="give more text")
    from gptprep.tokenizers.train.pairs import Pairs

    pairs = Pairs(counts)
    merges: list[tuple[int, int]] = []
    while len(merges) < wanted and (pair := pairs.most_frequent(max(1, min_count))) is not None:
        pairs.merge(*pair, 256 + len(merges))
        merges.append(pair)
        progress(len(merges), wanted)
    vocabulary = BpeVocabulary(tuple(merges), special_tokens)
    _check_distinct(vocabulary)
    return TrainedBpe(vocabulary, pairs.token_counts())


def _check_distinct(vocabulary: BpeVocabulary) -> None:
    """Refuse a special token that the file would write like an ordinary one."""
    texts = set(map(to_text, vocabulary.tokens()))
    for token in vocabulary.special_tokens:
        if token in texts:
            why = "an ordinary token of this vocabulary is written the same in a tokenizer.json"
            raise UsageError(f"{token!r} cannot be a special token", why, "choose one like <|name|>")
