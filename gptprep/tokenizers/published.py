"""The encodings published as rank files: where they are, their hashes, patterns and special tokens.

Source: `tiktoken_ext/openai_public.py` of tiktoken 0.14.0 (MIT, OpenAI); a test compares this table with the
installed tiktoken. With the table a rank file is recognized by its hash, so that a copy works without a
network.
"""

from typing import NamedTuple

GPT2_PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
CL100K_PATTERN = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"""
    r"""| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
_CONTRACTION = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
_UPPER = r"""\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"""
_LOWER = r"""\p{Ll}\p{Lm}\p{Lo}\p{M}"""
O200K_PATTERN = (
    rf"""[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_CONTRACTION}"""
    rf"""|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_CONTRACTION}"""
    r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
WHITE_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What `\\s` is in these patterns, for a character class; that of Python is another."""
_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


class KnownEncoding(NamedTuple):
    """One published encoding; `sha256` is that of its rank file."""

    name: str
    sha256: str
    pattern: str
    special_tokens: dict[str, int]

    @property
    def url(self) -> str:
        """Where tiktoken fetches the rank file."""
        return _URL.format(self.name)


GPT2_SHA256 = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"

_P50K_SHA256 = "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"
_CL100K_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
_O200K_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_GPT2_SPECIAL = {"<|endoftext|>": 50256}
_FIM = {"<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260}
_CL100K_SPECIAL = {"<|endoftext|>": 100257, **_FIM, "<|endofprompt|>": 100276}
_O200K_SPECIAL = {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}
_ALL = (
    KnownEncoding("gpt2", GPT2_SHA256, GPT2_PATTERN, _GPT2_SPECIAL),
    KnownEncoding("r50k_base", GPT2_SHA256, GPT2_PATTERN, _GPT2_SPECIAL),
    KnownEncoding("p50k_base", _P50K_SHA256, GPT2_PATTERN, _GPT2_SPECIAL),
    KnownEncoding("cl100k_base", _CL100K_SHA256, CL100K_PATTERN, _CL100K_SPECIAL),
    KnownEncoding("o200k_base", _O200K_SHA256, O200K_PATTERN, _O200K_SPECIAL),
)
KNOWN = {encoding.name: encoding for encoding in _ALL}
