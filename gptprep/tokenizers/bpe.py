"""Byte-level BPE through tiktoken, which is the truth: its ids for the whole document are the right ones."""

from __future__ import annotations

import base64
import hashlib
import os
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gptprep.errors import DamagedData, GptprepError, MissingExtra, TextError, os_errors
from gptprep.tokenizers import cuts
from gptprep.tokenizers.base import Engine, SpecialPolicy, Tokenizer
from gptprep.tokenizers.encodings import (
    CL100K_PATTERN,
    GPT2_PATTERN,
    GPT2_SHA256,
    KNOWN,
    O200K_PATTERN,
    KnownEncoding,
    known_by_hash,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GPT2_FILE = os.path.join(os.path.dirname(__file__), "data", "r50k_base.tiktoken")
_CUT_RULES = {
    GPT2_PATTERN: cuts.after_any_character,
    CL100K_PATTERN: cuts.after_letter_or_digit,
    O200K_PATTERN: cuts.after_letter_or_digit,
}
_MAX_RANK_FILE = 1 << 28
"""Bytes: the largest published rank file has 3.6 million."""


class BpeTokenizer(Tokenizer):
    """A tiktoken encoding.

    Args:
        ranks: the merge rank of each token's bytes, which is its id.
        ranks_sha256: the hash of the rank file, for the fingerprint.
        pattern: the regular expression that cuts a text into pre-tokens.
    """

    kind = "bpe"
    engine = "tiktoken"

    def __init__(
        self,
        name: str,
        ranks: dict[bytes, int],
        ranks_sha256: str,
        pattern: str,
        special_tokens: dict[str, int],
        policy: SpecialPolicy,
    ) -> None:
        import tiktoken

        n_vocab = max(max(ranks.values()), *special_tokens.values(), 0) + 1
        super().__init__(name, n_vocab, special_tokens, policy, [pattern, ranks_sha256])
        self._encoding = tiktoken.Encoding(
            name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special_tokens
        )
        self._allowed = set(special_tokens) if policy == "allow" else set()
        self._cut_rule = None if any(map(cuts.may_be_cut, special_tokens)) else _CUT_RULES.get(pattern)

    def encode(self, text: str) -> list[int]:
        if self.policy == "error":
            self.refuse_specials(text.encode(errors="replace"))
        with _explained_limit():
            return self._encoding.encode(text, allowed_special=self._allowed, disallowed_special=())

    def encode_array(self, text: bytes) -> NDArray[Any]:
        self.refuse_specials(text)
        with _explained_limit():
            return self._encoding.encode_to_numpy(
                text.decode(), allowed_special=self._allowed, disallowed_special=()
            )

    def token_bytes(self, token_id: int) -> bytes:
        if not 0 <= token_id < self.n_vocab:
            raise KeyError(token_id)
        return self._encoding.decode_single_token_bytes(token_id)

    def decode_chunks(self, chunks: Iterable[Sequence[int]]) -> Iterator[bytes]:
        first = 0
        for ids in chunks:
            try:
                yield self._encoding.decode_bytes(ids)
            except (KeyError, OverflowError):
                yield b"".join(self._tokens(ids, first))  # says which id, and where
            first += len(ids)

    def last_cut(self, text: bytearray, start: int) -> int:
        return cuts.last_cut(text, start, self._cut_rule) if self._cut_rule else 0

    def first_cut(self, text: bytes, start: int) -> int:
        return cuts.first_cut(text, start, self._cut_rule) if self._cut_rule else -1


@contextmanager
def _explained_limit() -> Iterator[None]:
    """tiktoken's regular expressions give up at runs of white space of about a million characters."""
    try:
        yield
    except ValueError as error:
        raise TextError(
            "tiktoken cannot cut this text",
            str(error),
            "shorten its runs of a million or so white-space characters",
        ) from error


def load_known(encoding: KnownEncoding, policy: SpecialPolicy, engine: Engine = "auto") -> BpeTokenizer:
    """Load a published encoding: GPT-2 from the package, others as tiktoken fetches and caches them.

    Raises:
        GptprepError: there is no copy and no network; says which file to put where.
    """
    if encoding.sha256 == GPT2_SHA256:
        return _from_data(_read(_GPT2_FILE), encoding.name, _GPT2_FILE, policy, engine, encoding)
    from tiktoken.load import read_file_cached

    try:
        data = read_file_cached(encoding.url, encoding.sha256)
    except (OSError, ValueError, ImportError) as error:  # requests' errors are OSErrors
        raise GptprepError(
            f"the tokenizer {encoding.name} is not on this machine",
            f"tiktoken could not fetch it ({type(error).__name__})",
            f"fetch {encoding.url} where there is a network, put it here and name the file: "
            f"--tokenizer {encoding.name}.tiktoken (or fill TIKTOKEN_CACHE_DIR)",
        ) from error
    return _from_data(data, encoding.name, encoding.url, policy, engine, encoding)


def load_plugin(name: str, policy: SpecialPolicy) -> BpeTokenizer:
    """Load any other encoding that the installed tiktoken or one of its plug-ins knows.

    Raises:
        GptprepError: tiktoken could not load it.
    """
    import tiktoken

    try:
        encoding = tiktoken.get_encoding(name)
    except Exception as error:
        raise GptprepError(
            f"the tokenizer {name} is not on this machine",
            f"tiktoken could not load it: {error}",
            "load it once with tiktoken where there is a network, and copy its TIKTOKEN_CACHE_DIR here",
        ) from error
    ranks, pattern, special_tokens = encoding._mergeable_ranks, encoding._pat_str, encoding._special_tokens
    lines = (base64.b64encode(token) + b" %d\n" % rank for token, rank in sorted(ranks.items(), key=_rank))
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    return BpeTokenizer(name, ranks, digest, pattern, special_tokens, policy)


def load_rank_file(path: str, policy: SpecialPolicy, engine: Engine = "auto") -> BpeTokenizer:
    """Load a `.tiktoken` rank file.

    A published file is known by its hash and gets its own pattern and special tokens. Any other gets GPT-2's
    pattern and `<|endoftext|>` as the id after its last.

    Raises:
        GptprepError: it cannot be read.
        DamagedData: it is not a rank file.
    """
    return _from_data(_read(path), os.path.basename(path), path, policy, engine, None)


def _rank(item: tuple[bytes, int]) -> int:
    return item[1]


def _read(path: str) -> bytes:
    with os_errors("read", path), open(path, "rb") as file:
        data = file.read(_MAX_RANK_FILE + 1)
    if len(data) > _MAX_RANK_FILE:
        raise DamagedData(f"{path} is too large for a rank file", f"more than {_MAX_RANK_FILE:,} bytes")
    return data


def _from_data(
    data: bytes, name: str, path: str, policy: SpecialPolicy, engine: Engine, expected: KnownEncoding | None
) -> BpeTokenizer:
    digest = hashlib.sha256(data).hexdigest()
    if expected and digest != expected.sha256:
        fix = "install gptprep again" if path == _GPT2_FILE else "fetch the file again"
        raise DamagedData(f"{path} is damaged", f"its sha256 is {digest}, not {expected.sha256}", fix)
    ranks = _parse_ranks(data, path)
    known = expected or known_by_hash(digest)
    if known:
        pattern, special_tokens = known.pattern, known.special_tokens
    else:
        _check_ranks(ranks, path)
        pattern, special_tokens = GPT2_PATTERN, {"<|endoftext|>": max(ranks.values()) + 1}
    return choose_engine(
        (name, ranks, digest, pattern, special_tokens, policy), data, engine, is_sure=known is not None
    )


def choose_engine(
    arguments: tuple[str, dict[bytes, int], str, str, dict[str, int], SpecialPolicy],
    data: bytes,
    engine: Engine,
    *,
    is_sure: bool,
) -> BpeTokenizer:
    """A `BpeTokenizer` made of these arguments, or a faster one.

    Args:
        data: the rank file.
        is_sure: whether the ranks are known to be fit for gigatoken.

    Raises:
        MissingExtra: the engine that is asked for is not installed.
    """
    if engine == "tiktoken" or (engine == "auto" and not is_sure):
        return BpeTokenizer(*arguments)
    from gptprep.tokenizers.gigatoken import GigatokenTokenizer, is_installed

    if is_installed():
        return GigatokenTokenizer(*arguments, data)
    if engine == "gigatoken":
        fix = "pip install gigatoken, or use --engine tiktoken"
        raise MissingExtra("the engine gigatoken is not installed", fix=fix)
    tokenizer = BpeTokenizer(*arguments)
    tokenizer.engine_note = "gigatoken is not installed: tiktoken encodes, with the same ids but slower"
    return tokenizer


def _parse_ranks(data: bytes, path: str) -> dict[bytes, int]:
    lines = data.splitlines()
    try:
        ranks = {a2b_base64(token): int(rank) for token, rank in map(bytes.split, filter(None, lines))}
    except (ValueError, Base64Error):
        number = next(n for n, line in enumerate(lines, 1) if line and not _is_rank_line(line))
        raise DamagedData(
            f"{path} is not a tiktoken rank file", f"line {number} is not a base64 token and a number"
        ) from None
    if len(ranks) != len(lines) - lines.count(b""):
        raise DamagedData(f"{path} is not a valid rank file", "a token stands there twice")
    return ranks


def _is_rank_line(line: bytes) -> bool:
    try:
        token, rank = line.split()
        a2b_base64(token)
        int(rank)
    except ValueError:
        return False
    return True


def _check_ranks(ranks: dict[bytes, int], path: str) -> None:
    """Refuse rank tables on which tiktoken's core would panic or could not encode every byte."""
    why = ""
    if missing := [byte for byte in range(256) if bytes([byte]) not in ranks]:
        why = f"the single byte 0x{missing[0]:02x} has no rank"
    elif len(set(ranks.values())) != len(ranks):
        why = "two tokens have the same rank"
    elif not 0 <= min(ranks.values()) <= max(ranks.values()) < (1 << 31):
        why = "a rank is negative or not below 2**31"
    if why:
        raise DamagedData(f"{path} is not a valid rank file", why)


def known_names() -> list[str]:
    """The published names and those that the installed tiktoken adds."""
    import tiktoken

    return list(dict.fromkeys([*KNOWN, *tiktoken.list_encoding_names()]))
