"""The vocabulary file that `gptprep vocab` writes: the tokens in id order, special tokens last."""

from typing import Any, Literal, NamedTuple, get_args

from gptprep.errors import CorruptDataError

Kind = Literal["word", "char"]
DEFAULT_SPECIAL_TOKENS = ("<|endoftext|>", "<|unk|>")
UNKNOWN_TOKENS = ("<|unk|>", "[UNK]")
"""Special tokens for words that a vocabulary does not have: the first of these that it has is used."""

_FORMAT = "gptprep-vocabulary"
_VERSION = 1


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
    lists = value.get("tokens"), value.get("special_tokens")
    if value.get("kind") not in get_args(Kind) or not all(map(_is_texts, lists)):
        why = "kind, tokens or special_tokens is wrong"
        raise CorruptDataError(f"{path} is not a complete vocabulary", why)
    return Vocabulary(value["kind"], tuple(value["tokens"]), tuple(value["special_tokens"]))


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _parse_plain(value: dict[str, Any], path: str) -> Vocabulary:
    if not all(type(token_id) is int for token_id in value.values()):
        why = "a file that `gptprep vocab` wrote, or a JSON object of tokens and their ids, is expected"
        raise CorruptDataError(f"{path} is not a vocabulary", why)
    tokens = sorted(value, key=value.__getitem__)
    if [value[token] for token in tokens] != list(range(len(tokens))):
        raise CorruptDataError(f"{path} is not a vocabulary", "its ids are not 0, 1, 2, ... each once")
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
        why = "it has a token twice"
    elif not tokens.issuperset(vocabulary.special_tokens):
        why = "a special token is not among its tokens"
    elif any("\ud800" <= character <= "\udfff" for character in "".join(vocabulary.tokens)):
        why = "a token is not valid Unicode"
    elif vocabulary.kind == "char" and any(len(token) > 1 for token in tokens - {*vocabulary.special_tokens}):
        why = "its kind is char and it has a token of several characters"
    if why:
        raise CorruptDataError(f"{path} is not a valid vocabulary", why)
