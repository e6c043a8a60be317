"""The vocabulary file that `gptprep vocab` writes: the tokens in id order, special tokens last."""

import json
import re
from typing import Any, Literal, NamedTuple, get_args

from gptprep.errors import CorruptDataError

Kind = Literal["word", "char"]
DEFAULT_SPECIAL_TOKENS = ("<|endoftext|>", "<|unk|>")
UNKNOWN_TOKENS = ("<|unk|>", "[UNK]")
"""Special tokens for words that a vocabulary does not have: the first of these that it has is used."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_FORMAT = "gptprep-vocabulary"
_VERSION = 1
_MAX_SHOWN = 40
"""Characters of a wrong value that a message has."""


def id_gap(highest: int, n_tokens: int) -> str:
    """Why the highest id of a vocabulary is refused: a model would have a row for each id below it.

    Published vocabularies leave out less than one id in a hundred.
    """
    if highest < 4 * n_tokens + (1 << 16):
        return ""
    return f"the id {highest:,} is far above its {n_tokens:,} tokens"


class Vocabulary(NamedTuple):
    """Tokens in id order, and which of them are special."""

    kind: Kind
    tokens: tuple[str, ...]
    special_tokens: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """What the file holds."""
        head = {"format": _FORMAT, "version": _VERSION, "kind": self.kind}
        return {**head, "special_tokens": self.special_tokens, "tokens": self.tokens}


def parse_vocabulary(value: object, path: str) -> Vocabulary:
    """A vocabulary that gptprep wrote, or a plain JSON object `{token: id}`, which is taken as words.

    Args:
        value: what the JSON file holds.
        path: for messages.

    Raises:
        CorruptDataError: it is neither, or its tokens or ids are not a valid vocabulary.
    """
    if not isinstance(value, dict):
        raise CorruptDataError(f"{path} is not a vocabulary", "a JSON object is expected")
    if "format" in value and not isinstance(value["format"], int):
        vocabulary = _parse(value, path)
    else:
        vocabulary = _parse_plain(value, path)
    _check(vocabulary, path)
    return vocabulary


def _parse(value: dict[str, Any], path: str) -> Vocabulary:
    if value["format"] != _FORMAT or value.get("version") != _VERSION:
        why = f"format {value['format']!r}, version {value.get('version')!r}"
        raise CorruptDataError(f"{path} is not a vocabulary that this version reads", why)
    why = ""
    if value.get("kind") not in get_args(Kind):
        why = f"kind is {_shown(value.get('kind'))}, not {' or '.join(get_args(Kind))}"
    why = why or _wrong_texts("tokens", value) or _wrong_texts("special_tokens", value)
    if why:
        raise CorruptDataError(f"{path} is not a vocabulary", why)
    return Vocabulary(value["kind"], tuple(value["tokens"]), tuple(value["special_tokens"]))


def _wrong_texts(name: str, value: dict[str, Any]) -> str:
    """What keeps an entry from being a list of texts."""
    texts = value.get(name)
    if name not in value:
        return f"{name} is missing"
    if not isinstance(texts, list):
        return f"{name} is {_shown(texts)}, not a list"
    wrong = next((n for n, text in enumerate(texts) if not isinstance(text, str)), None)
    return "" if wrong is None else f"item {wrong} of {name} is {_shown(texts[wrong])}, not a text"


def _shown(value: object) -> str:
    """A value as it is in the file, shortened."""
    text = json.dumps(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


def _parse_plain(value: dict[str, Any], path: str) -> Vocabulary:
    if not all(type(token_id) is int for token_id in value.values()):
        why = "a file that `gptprep vocab` wrote, or a JSON object of tokens and their ids, is expected"
        raise CorruptDataError(f"{path} is not a vocabulary", why)
    tokens = sorted(value, key=value.__getitem__)
    wrong = next((token for token_id, token in enumerate(tokens) if value[token] != token_id), None)
    if wrong is not None:
        why = f"its ids are not 0, 1, 2, ... each once: {_shown(wrong)} has the id {value[wrong]}"
        raise CorruptDataError(f"{path} is not a vocabulary", why)
    special_tokens = (token for token in tokens if _looks_special(token))
    return Vocabulary("word", tuple(tokens), tuple(special_tokens))


def _looks_special(token: str) -> bool:
    others = ("[PAD]", "[BOS]", "[EOS]", "[SEP]", "[CLS]", "[MASK]", "[UNK]")
    return (token.startswith("<|") and token.endswith("|>")) or token in others


def _check(vocabulary: Vocabulary, path: str) -> None:
    tokens = set(vocabulary.tokens)
    why = ""
    if not tokens:
        why = "it has no tokens"
    elif "" in tokens:
        why = "it has an empty token"
    elif len(tokens) != len(vocabulary.tokens):
        first, second = _ids_of_first_twice(vocabulary.tokens)
        why = f"it has the token {_shown(vocabulary.tokens[first])} twice, as {first} and {second}"
    elif unknown := next((token for token in vocabulary.special_tokens if token not in tokens), None):
        why = f"the special token {_shown(unknown)} is not among its tokens"
    elif (wrong := next(filter(_SURROGATE.search, vocabulary.tokens), None)) is not None:
        why = f"the token {_shown(wrong)} is not valid Unicode"
    elif vocabulary.kind == "char" and (several := _first_of_several_characters(vocabulary)):
        why = f"its kind is char and the token {_shown(several)} has several characters"
    if why:
        raise CorruptDataError(f"{path} is not a valid vocabulary", why)


def _ids_of_first_twice(tokens: tuple[str, ...]) -> tuple[int, int]:
    """The two ids of the first token that comes again."""
    ids: dict[str, int] = {}
    return next(
        (ids[token], token_id)
        for token_id, token in enumerate(tokens)
        if ids.setdefault(token, token_id) != token_id
    )


def _first_of_several_characters(vocabulary: Vocabulary) -> str:
    special_tokens = {*vocabulary.special_tokens}
    return next((token for token in vocabulary.tokens if len(token) > 1 and token not in special_tokens), "")
