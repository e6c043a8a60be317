"""Loading rank files: published encodings by name, tiktoken's plug-ins, and any `.tiktoken` file."""

import base64
import hashlib
import os
from binascii import Error as Base64Error
from binascii import a2b_base64

from gptprep.choices import Engine, SpecialPolicy
from gptprep.errors import CorruptDataError, GptprepError, os_errors
from gptprep.storage.temporary import temporary_folder
from gptprep.tokenizers.bpe import BpeSpec, BpeTokenizer
from gptprep.tokenizers.engines import make_bpe
from gptprep.tokenizers.published import GPT2_PATTERN, GPT2_SHA256, KNOWN, KnownEncoding
from gptprep.tokenizers.vocabulary import id_gap
from gptprep.units import MIB, size

_GPT2_FILE = os.path.join(os.path.dirname(__file__), "data", "r50k_base.tiktoken")
_MAX_RANK_FILE = 256 * MIB
"""Bytes: the largest published rank file has 3.6 million."""


def load_known(encoding: KnownEncoding, policy: SpecialPolicy, engine: Engine = "auto") -> BpeTokenizer:
    """Load a published encoding: GPT-2 from the package, others as tiktoken fetches and caches them.

    Raises:
        GptprepError: there is no copy and no network; says which file to put where.
    """
    if encoding.sha256 == GPT2_SHA256:
        return _from_data(_read(_GPT2_FILE), _GPT2_FILE, policy, engine, encoding)
    from tiktoken.load import read_file_cached

    try:
        data = read_file_cached(encoding.url, encoding.sha256)
    except (OSError, ValueError, ImportError) as error:  # errors of requests are OSErrors
        _require_cache()
        what = f"the tokenizer {encoding.name} is not on this machine"
        why = f"tiktoken could not download it ({type(error).__name__})"
        fix = (
            f"download {encoding.url} on a machine with a network, copy it here and name the file: "
            f"--tokenizer {encoding.name}.tiktoken (or fill TIKTOKEN_CACHE_DIR)"
        )
        raise GptprepError(what, why, fix) from error
    return _from_data(data, encoding.url, policy, engine, encoding)


def _require_cache() -> None:
    """Check that tiktoken has a folder to keep rank files in.

    Raises:
        GptprepError: it has none.
    """
    if not {"TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"} & os.environ.keys():
        temporary_folder("tiktoken", "TIKTOKEN_CACHE_DIR to one that has the rank files")


def load_plugin(name: str, policy: SpecialPolicy) -> BpeTokenizer:
    """Load any other encoding that the installed tiktoken or one of its plug-ins knows.

    Raises:
        GptprepError: tiktoken could not load it.
    """
    import tiktoken

    try:
        encoding = tiktoken.get_encoding(name)
    except Exception as error:
        _require_cache()
        what, why = f"the tokenizer {name} is not on this machine", f"tiktoken could not load it: {error}"
        fix = "load it once with tiktoken on a machine with a network, and copy its TIKTOKEN_CACHE_DIR here"
        raise GptprepError(what, why, fix) from error
    if "" in encoding._special_tokens:
        what, why = f"the tokenizer {name} cannot be used", "it has an empty special token"
        raise GptprepError(what, why, "remove the token from the plug-in of tiktoken that has it")
    digest = hashlib.sha256(rank_file_bytes(encoding._mergeable_ranks)).hexdigest()
    spec = BpeSpec(name, encoding._mergeable_ranks, digest, encoding._pat_str, encoding._special_tokens)
    return BpeTokenizer(spec, policy)


def load_rank_file(path: str, policy: SpecialPolicy, engine: Engine = "auto") -> BpeTokenizer:
    """Load a `.tiktoken` rank file.

    A published file is recognized by its hash and gets its own pattern and special tokens. Any other gets
    GPT-2's pattern, and `<|endoftext|>` as the id after its last.

    Raises:
        GptprepError: it cannot be read.
        CorruptDataError: it is not a rank file, or has the name of a published one and other bytes.
    """
    return _from_data(_read(path), path, policy, engine, None)


def rank_file_bytes(ranks: dict[bytes, int]) -> bytes:
    """The rank file for some ranks, in rank order."""
    in_order = sorted(ranks.items(), key=lambda item: item[1])
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in in_order)


def known_names() -> list[str]:
    """The published names and those that the installed tiktoken adds."""
    import tiktoken

    return list(dict.fromkeys([*KNOWN, *tiktoken.list_encoding_names()]))


def _read(path: str) -> bytes:
    with os_errors("read", path), open(path, "rb") as file:
        data = file.read(_MAX_RANK_FILE + 1)
    if len(data) > _MAX_RANK_FILE:
        raise CorruptDataError(
            f"{path} is too large for a rank file", f"it has more than {size(_MAX_RANK_FILE)}"
        )
    return data


def _from_data(
    data: bytes, path: str, policy: SpecialPolicy, engine: Engine, expected: KnownEncoding | None
) -> BpeTokenizer:
    digest = hashlib.sha256(data).hexdigest()
    if expected and digest != expected.sha256:
        fix = "install gptprep again" if path == _GPT2_FILE else "download the file again"
        raise CorruptDataError(f"{path} is damaged", f"its sha256 is {digest}, not {expected.sha256}", fix)
    if expected is None:
        _check_name(path, digest)
    ranks = _parse_ranks(data, path)
    name = expected.name if expected else os.path.basename(path)
    known = expected or next((known for known in KNOWN.values() if known.sha256 == digest), None)
    if known:
        spec = BpeSpec(name, ranks, digest, known.pattern, known.special_tokens)
    else:
        _check_ranks(ranks, path)
        spec = BpeSpec(name, ranks, digest, GPT2_PATTERN, {"<|endoftext|>": max(ranks.values()) + 1})
    tokenizer = make_bpe(spec, data, policy, engine, is_exact=known is not None)
    if expected is None:
        tokenizer.file = path, digest
    return tokenizer


def _check_name(path: str, digest: str) -> None:
    """Refuse a file with the name of a published one and other bytes, such as half a download.

    It would be read with the pattern of another tokenizer, and nobody would see it.
    """
    named = KNOWN.get(os.path.basename(path).lower().removesuffix(".tiktoken"))
    if named and named.sha256 != digest:
        what, why = f"{path} is not the published {named.name}", f"its sha256 is {digest}, not {named.sha256}"
        raise CorruptDataError(what, why, "download it again, or rename it if it is a tokenizer of your own")


def _parse_ranks(data: bytes, path: str) -> dict[bytes, int]:
    lines = data.splitlines()
    try:
        ranks = {a2b_base64(token): int(rank) for token, rank in map(bytes.split, filter(None, lines))}
    except (ValueError, Base64Error):
        number = next(n for n, line in enumerate(lines, 1) if line and not _is_rank_line(line))
        why = f"line {number} is not a base64 token and a number"
        raise CorruptDataError(f"{path} is not a tiktoken rank file", why) from None
    if len(ranks) != len(lines) - lines.count(b""):
        raise CorruptDataError(f"{path} is not a valid rank file", _twice(lines))
    return ranks


def _twice(lines: list[bytes]) -> str:
    """The first token that comes again, as it is in the file, and its lines."""
    first: dict[bytes, int] = {}
    for number, line in enumerate(lines, 1):
        if line:
            token = line.split()[0]
            before = first.setdefault(a2b_base64(token), number)
            if before != number:
                shown = token[:40].decode(errors="backslashreplace")
                return f"it has the token {shown} twice, on lines {before} and {number}"
    return ""


def _is_rank_line(line: bytes) -> bool:
    try:
        token, rank = line.split()
        a2b_base64(token)
        int(rank)
    except ValueError:
        return False
    return True


def _check_ranks(ranks: dict[bytes, int], path: str) -> None:
    """Refuse ranks that make tiktoken's core panic, or that cannot encode every byte."""
    why = ""
    if missing := [byte for byte in range(256) if bytes([byte]) not in ranks]:
        why = f"the single byte 0x{missing[0]:02x} has no rank"
    elif len(set(ranks.values())) != len(ranks):
        why = "two tokens have the same rank"
    elif not 0 <= min(ranks.values()) <= max(ranks.values()) < (1 << 31):
        why = "a rank is negative or not below 2**31"
    why = why or id_gap(max(ranks.values()), len(ranks))
    if why:
        raise CorruptDataError(f"{path} is not a valid rank file", why)
