"""Others' `tokenizer.json`: the truth is Hugging Face's `tokenizers`, without truncation and padding.

Where tiktoken's algorithm is proved to give the same ids (`exact_bpe`), it encodes, or gigatoken does, and
`tokenizers` need not be installed. Else `tokenizers` encodes, whole documents at a time.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gptprep.errors import DamagedData, GptprepError, MissingExtra, TextError
from gptprep.tokenizers.base import Engine, SpecialPolicy, Tokenizer
from gptprep.tokenizers.bpe import choose_engine
from gptprep.tokenizers.byte_level import to_bytes
from gptprep.tokenizers.exact_bpe import ExactBpe, NotExact, exact_bpe

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IGNORED = ("truncation", "padding", "post_processor")


def load_hugging_face(
    value: dict[str, Any], path: str, name: str, policy: SpecialPolicy, engine: Engine = "auto"
) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`.

    Args:
        value: what the file holds, an object with a `model`.
        path: for messages.

    Raises:
        GptprepError: the engine that is asked for gives other ids.
        DamagedData: it is not a tokenizer.
        MissingExtra: only `tokenizers` can encode it, and it is not installed.
    """
    try:
        tokenizer = _exact_tokenizer(exact_bpe(value, path), name, policy, engine)
        notes = [tokenizer.engine_note]
    except NotExact as reason:
        if engine != "auto":
            raise GptprepError(
                f"{engine} does not give the ids of {path}",
                str(reason),
                "leave out --engine: tokenizers encodes",
            ) from None
        tokenizer = HuggingFaceTokenizer(name, value, path, policy)
        notes = [f"tokenizers encodes, on one core and without cutting documents: {reason}"]
    tokenizer.engine_note = "; ".join(filter(None, [*notes, *_set_aside(value)]))
    return tokenizer


def _set_aside(value: dict[str, Any]) -> Iterator[str]:
    """What the file asks for and we do not do."""
    if any(value.get(setting) is not None for setting in ("truncation", "padding")):
        yield "the file's truncation and padding are switched off"
    step = value.get("post_processor")
    if step is not None and not (isinstance(step, dict) and step.get("type") == "ByteLevel"):
        yield "the special tokens that the file would add around a text are left out"


def _exact_tokenizer(bpe: ExactBpe, name: str, policy: SpecialPolicy, engine: Engine) -> Tokenizer:
    """tiktoken over the file's own ids where they are in the order of the merges, else over ranks."""
    if bpe.ids == tuple(range(len(bpe.ids))) and bpe.spelled.keys() == {
        *bpe.ids,
        *bpe.special_tokens.values(),
    }:
        return _over_ids(bpe, bpe.ids, bpe.special_tokens, name, policy, engine)
    ranks = range(len(bpe.ids))
    specials = {token: len(ranks) + index for index, token in enumerate(bpe.special_tokens)}
    inner = _over_ids(bpe, ranks, specials, name, policy, engine)
    return RenumberedTokenizer(
        inner, [*bpe.ids, *bpe.special_tokens.values()], bpe.special_tokens, bpe.spelled
    )


def _over_ids(
    bpe: ExactBpe,
    ids: Sequence[int],
    specials: dict[str, int],
    name: str,
    policy: SpecialPolicy,
    engine: Engine,
) -> Tokenizer:
    ranks = dict(zip(bpe.tokens, ids, strict=True))
    lines = (
        base64.b64encode(token) + b" %d\n" % ranks[token] for token in sorted(ranks, key=ranks.__getitem__)
    )
    data = b"".join(lines)
    digest = hashlib.sha256(data).hexdigest()
    return choose_engine((name, ranks, digest, bpe.pattern, specials, policy), data, engine, is_sure=True)


class RenumberedTokenizer(Tokenizer):
    """A BPE tokenizer whose ids are called something else.

    Args:
        inner: gives ranks, and after them the special tokens.
        ids: what each of its ids is called.
        spelled: the bytes of every id, of those too that no text gives.
    """

    kind = "bpe"

    def __init__(
        self, inner: Tokenizer, ids: Sequence[int], special_tokens: dict[str, int], spelled: dict[int, bytes]
    ) -> None:
        identity = ["renumbered", inner.fingerprint, list(ids)]
        super().__init__(inner.name, max(spelled) + 1, special_tokens, inner.policy, identity)
        self.engine, self.engine_note = inner.engine, inner.engine_note
        self._inner, self._ids, self._spelled = inner, ids, spelled

    def encode(self, text: str) -> list[int]:
        return [self._ids[rank] for rank in self._inner.encode(text)]

    def encode_array(self, text: bytes) -> NDArray[Any]:
        ids: NDArray[Any] = self._table[self._inner.encode_array(text)]
        return ids

    @cached_property
    def _table(self) -> NDArray[Any]:
        import numpy as np

        return np.array(self._ids, np.uint32)

    def token_bytes(self, token_id: int) -> bytes:
        return self._spelled[token_id]

    def last_cut(self, text: bytearray, start: int) -> int:
        return self._inner.last_cut(text, start)

    def first_cut(self, text: bytes, start: int) -> int:
        return self._inner.first_cut(text, start)

    def cross_check(self, text: bytes) -> int:
        return self._inner.cross_check(text)


class HuggingFaceTokenizer(Tokenizer):
    """Any tokenizer of Hugging Face's library; documents are never cut.

    With a byte-level decoder each id has its bytes, and they come back as they were. Other decoders work on
    whole texts: `decode` gives what theirs gives, which loses what the normalizer changed, and spaces.

    Raises:
        DamagedData: `tokenizers` cannot load it.
        MissingExtra: `tokenizers` is not installed.
    """

    kind = "hf"
    engine = "tokenizers"

    def __init__(self, name: str, value: dict[str, Any], path: str, policy: SpecialPolicy) -> None:
        self._tokenizer = _load(value, path)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = policy != "allow"
        vocab = self._tokenizer.get_vocab(with_added_tokens=True)
        if not vocab or max(vocab.values()) >= 1 << 31:
            raise DamagedData(
                f"{path} is not a valid tokenizer", "it has no tokens or an id is not below 2**31"
            )
        added = self._tokenizer.get_added_tokens_decoder()
        special_tokens = {token.content: token_id for token_id, token in added.items() if token.special}
        identity = {key: value[key] for key in sorted(value) if key not in _IGNORED}
        super().__init__(name, max(vocab.values()) + 1, special_tokens, policy, identity)
        self._texts: dict[int, str] = {token_id: token for token, token_id in vocab.items()}
        self._added: dict[int, str] = {token_id: token.content for token_id, token in added.items()}
        decoder = value.get("decoder")
        self._byte_level = isinstance(decoder, dict) and decoder.get("type") == "ByteLevel"

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode(errors="replace"))
        with _panics_too(TextError, f"{self.name} cannot encode this text"):
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

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

    def decode_chunks(self, chunks: Iterable[Sequence[int]]) -> Iterator[bytes]:
        if self._byte_level:
            yield from super().decode_chunks(chunks)
            return
        ids: list[int] = []
        for chunk in chunks:
            for _ in self._tokens(chunk, len(ids)):  # says which id is unknown, and where
                pass
            ids.extend(map(int, chunk))
        with _panics_too(GptprepError, f"{self.name} cannot decode these ids"):
            text = self._tokenizer.decode(ids, skip_special_tokens=False)
        yield text.encode(errors="replace")

    def last_cut(self, text: bytearray, start: int) -> int:  # noqa: ARG002
        return 0


def _load(value: dict[str, Any], path: str) -> Any:
    try:
        from tokenizers import Tokenizer as Loaded
    except ImportError:
        raise MissingExtra(
            f"{path} needs Hugging Face's tokenizers",
            "it is not a byte-level BPE that tiktoken encodes to the same ids",
            "pip install 'gptprep[hf]'",
        ) from None
    with _panics_too(DamagedData, f"{path} is not a tokenizer that Hugging Face's library loads"):
        return Loaded.from_str(json.dumps(value))


@contextmanager
def _panics_too(error: type[GptprepError], what: str) -> Iterator[None]:
    """Turn what `tokenizers` raises into an error of ours; its panics are no Exceptions."""
    try:
        yield
    except BaseException as raised:
        if isinstance(raised, Exception) or type(raised).__name__ == "PanicException":
            raise error(what, str(raised)[:200]) from raised
        raise
