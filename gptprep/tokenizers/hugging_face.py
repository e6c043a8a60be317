"""Hugging Face `tokenizer.json` files; the reference is `tokenizers`, without truncation and padding.

gigatoken encodes if it is known to give the same ids from the file itself (`hf_exact`), with `tokenizers`
beside it. Without one of the two, and with `--engine tiktoken`, tiktoken's algorithm encodes if it is proved
to give the same ids (`hf_to_tiktoken`). Otherwise `tokenizers` encodes, whole documents at a time.

The fingerprint is the same either way: that of tiktoken's vocabulary where there is one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from gptprep.choices import Engine, SpecialPolicy
from gptprep.errors import CorruptDataError, GptprepError
from gptprep.tokenizers.base import EncodedDocuments, Tokenizer
from gptprep.tokenizers.bpe import BpeSpec
from gptprep.tokenizers.byte_level import to_bytes
from gptprep.tokenizers.engines import for_all_texts, has_gigatoken, make_bpe
from gptprep.tokenizers.hf_exact import exact_file
from gptprep.tokenizers.hf_library import check_installed, is_installed, library_ids, load_library
from gptprep.tokenizers.hf_to_tiktoken import ConvertedBpe, NotExactError, convert
from gptprep.tokenizers.rank_files import rank_file_bytes
from gptprep.tokenizers.rust import call_rust
from gptprep.tokenizers.vocabulary import id_gap

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IGNORED = ("truncation", "padding", "post_processor")


def load_hugging_face(
    value: dict[str, Any],
    path: str,
    policy: SpecialPolicy,
    engine: Engine = "auto",
    data: bytes | None = None,
) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`.

    Args:
        value: the contents of the file, an object with a `model`.
        data: the file itself, which the engines then need not be given again.

    Raises:
        GptprepError: the engine that is asked for would give other ids, or its steps make texts too long.
        CorruptDataError: it is not a tokenizer.
        MissingDependencyError: only `tokenizers` can encode it, and it is not installed.
    """
    tokenizer, note = _fastest(value, path, policy, engine, data)
    tokenizer.engine_note = "; ".join(filter(None, [note, *_ignored_settings(value)]))
    return tokenizer


def _fastest(
    value: dict[str, Any], path: str, policy: SpecialPolicy, engine: Engine, data: bytes | None
) -> tuple[Tokenizer, str]:
    """The fastest tokenizer that gives the right ids, and a note about its engine.

    gigatoken with the file itself comes before tiktoken's vocabulary, because it loads sooner.
    """
    name, why, exact = os.path.basename(path), "gigatoken is not installed", None
    if engine != "tiktoken":
        try:
            exact = exact_file(value, path)
        except NotExactError as reason:
            why = str(reason)
    if exact and is_installed() and has_gigatoken(engine):
        from gptprep.tokenizers.hf_gigatoken import GigatokenHfTokenizer

        fast = GigatokenHfTokenizer(name, _identity(value), path, policy, exact, data)
        fast.find_fingerprint = partial(_converted_fingerprint, value, path)
        return for_all_texts(fast, engine), ""
    try:
        tokenizer = _converted(convert(value, path), name, policy, engine)
        return tokenizer, tokenizer.engine_note
    except NotExactError as reason:
        why = str(reason) if engine == "tiktoken" else why
    if engine != "auto" and not exact:
        what, fix = f"{engine} does not give the ids of {path}", "leave out --engine: tokenizers encodes"
        raise GptprepError(what, why, fix)
    check_installed(path)
    note = f"tokenizers encodes each document on one core: {why}"
    return HuggingFaceTokenizer(name, value, path, policy), note


def _identity(value: dict[str, Any]) -> dict[str, Any]:
    """What ids depend on."""
    return {key: value[key] for key in sorted(value) if key not in _IGNORED}


def _ignored_settings(value: dict[str, Any]) -> Iterator[str]:
    """What the file asks for and gptprep does not do."""
    if any(value.get(setting) is not None for setting in ("truncation", "padding")):
        yield "the file's truncation and padding are ignored"
    step = value.get("post_processor")
    if step is not None and not (isinstance(step, dict) and step.get("type") == "ByteLevel"):
        yield "the special tokens that the file would add around a text are left out"


def _converted(bpe: ConvertedBpe, name: str, policy: SpecialPolicy, engine: Engine) -> Tokenizer:
    """A tokenizer over the file's own ids if they are in merge order; else one that maps ranks to ids."""
    is_complete = bpe.bytes_of.keys() == {*bpe.ids, *bpe.special_tokens.values()}
    if is_complete and bpe.ids == tuple(range(len(bpe.ids))):
        return _bpe_tokenizer(bpe, bpe.special_tokens, name, policy, engine)
    specials = {token: len(bpe.ids) + index for index, token in enumerate(bpe.special_tokens)}
    return RenumberedTokenizer(_bpe_tokenizer(bpe, specials, name, policy, engine), bpe)


def _converted_fingerprint(value: dict[str, Any], path: str) -> str | None:
    """The fingerprint of tiktoken's vocabulary with the same ids; None if there is none."""
    try:
        return _converted(convert(value, path), "", "allow", "tiktoken").fingerprint
    except NotExactError:
        return None


def _bpe_tokenizer(
    bpe: ConvertedBpe, specials: dict[str, int], name: str, policy: SpecialPolicy, engine: Engine
) -> Tokenizer:
    ranks = {token: rank for rank, token in enumerate(bpe.tokens)}
    data = rank_file_bytes(ranks)
    spec = BpeSpec(name, ranks, hashlib.sha256(data).hexdigest(), bpe.pattern, specials)
    return make_bpe(spec, data, policy, engine, is_exact=True)


class RenumberedTokenizer(Tokenizer):
    """A BPE tokenizer whose ids are not its ranks.

    Args:
        inner: gives ranks, and after them the special tokens.
        bpe: gives the ids for those.
    """

    kind = "bpe"

    def __init__(self, inner: Tokenizer, bpe: ConvertedBpe) -> None:
        ids = [*bpe.ids, *bpe.special_tokens.values()]
        identity = ["renumbered", inner.fingerprint, ids]
        super().__init__(inner.name, max(bpe.bytes_of) + 1, bpe.special_tokens, inner.policy, identity)
        self.engine, self.engine_note = inner.engine, inner.engine_note
        self.reference = inner.reference
        self.split_points = inner.split_points
        self._inner, self._ids, self._bytes_of = inner, ids, bpe.bytes_of

    def encode(self, text: str) -> list[int]:
        return [self._ids[rank] for rank in self._inner.encode(text)]

    def encode_array(self, text: bytes) -> NDArray[Any]:
        ids: NDArray[Any] = self._table[self._inner.encode_array(text)]
        return ids

    def encode_documents(self, texts: Sequence[bytes]) -> EncodedDocuments | None:
        encoded = self._inner.encode_documents(texts)
        return encoded and encoded._replace(ids=self._table[encoded.ids])

    @cached_property
    def _table(self) -> NDArray[Any]:
        import numpy as np

        return np.array(self._ids, np.uint32)

    def token_bytes(self, token_id: int) -> bytes:
        return self._bytes_of[token_id]

    def cross_check(self, text: bytes, ids: NDArray[Any] | None = None) -> int:  # noqa: ARG002
        return self._inner.cross_check(text)  # which knows ranks, not ids


class HuggingFaceTokenizer(Tokenizer):
    """Any tokenizer of Hugging Face's library; documents are encoded whole.

    With a byte-level decoder, decoding gives the bytes of each token, and texts come back unchanged. Other
    decoders work on whole texts: `decode` gives what the library gives, which loses spaces and what the
    normalizer changed.

    Raises:
        CorruptDataError: `tokenizers` cannot load it.
        GptprepError: its steps make texts too long.
        MissingDependencyError: `tokenizers` is not installed.
    """

    kind = "hf"
    engine = reference = "tokenizers"
    _task_divisor = 8

    def __init__(self, name: str, value: dict[str, Any], path: str, policy: SpecialPolicy) -> None:
        self._tokenizer = load_library(value, path, policy)
        vocab = self._tokenizer.get_vocab(with_added_tokens=True)
        if not vocab or max(vocab.values()) >= 1 << 31:
            why = "it has no tokens or an id is not below 2**31"
            raise CorruptDataError(f"{path} is not a valid tokenizer", why)
        if why := id_gap(max(vocab.values()), len(vocab)):
            raise CorruptDataError(f"{path} is not a valid tokenizer", why)
        added = self._tokenizer.get_added_tokens_decoder()
        special_tokens = {token.content: token_id for token_id, token in added.items() if token.special}
        super().__init__(name, max(vocab.values()) + 1, special_tokens, policy, _identity(value))
        self._texts: dict[int, str] = {token_id: token for token, token_id in vocab.items()}
        self._added: dict[int, str] = {token_id: token.content for token_id, token in added.items()}
        decoder = value.get("decoder")
        self._byte_level = isinstance(decoder, dict) and decoder.get("type") == "ByteLevel"

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode(errors="replace"))
        return library_ids(self._tokenizer, text, self.name)

    def encode_array(self, text: bytes) -> NDArray[Any]:
        import numpy as np

        return np.array(self.encode(text.decode()), np.uint32)

    def token_bytes(self, token_id: int) -> bytes:
        if token_id in self._added:
            return self._added[token_id].encode()
        token = self._texts[token_id]
        if self._byte_level:
            try:
                return to_bytes(token)
            except KeyError:
                pass
        return token.encode(errors="replace")

    def decode_blocks(self, blocks: Iterable[Sequence[int]]) -> Iterator[bytes]:
        if self._byte_level:
            yield from super().decode_blocks(blocks)
            return
        ids: list[int] = []
        for block in blocks:
            for _ in self._tokens(block, len(ids)):  # raises an error that names an unknown id
                pass
            ids.extend(map(int, block))
        error = partial(GptprepError, f"{self.name} cannot decode these ids")
        text: str = call_rust(partial(self._tokenizer.decode, ids, skip_special_tokens=False), error)
        yield text.encode(errors="replace")
