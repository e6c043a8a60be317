"""Choosing what encodes a BPE vocabulary: tiktoken, or gigatoken where it gives the same ids."""

from typing import TypeVar

from gptprep.choices import Engine, SpecialPolicy
from gptprep.errors import MissingDependencyError
from gptprep.tokenizers.base import Tokenizer
from gptprep.tokenizers.bpe import BpeSpec, BpeTokenizer

AnyTokenizer = TypeVar("AnyTokenizer", bound=Tokenizer)


def make_bpe(
    spec: BpeSpec, rank_data: bytes, policy: SpecialPolicy, engine: Engine, *, is_exact: bool
) -> BpeTokenizer:
    """A tokenizer for a BPE vocabulary, with the fastest engine that `engine` allows.

    Args:
        rank_data: the rank file, which gigatoken reads itself.
        is_exact: whether gigatoken is known to give tiktoken's ids for these ranks.

    Raises:
        MissingDependencyError: the engine that is asked for is not installed.
    """
    if engine == "tiktoken" or (engine == "auto" and not is_exact):
        return BpeTokenizer(spec, policy)
    if has_gigatoken(engine):
        from gptprep.tokenizers.gigatoken import GigatokenTokenizer

        return for_all_texts(GigatokenTokenizer(spec, policy, rank_data), engine)
    tokenizer = BpeTokenizer(spec, policy)
    tokenizer.engine_note = "gigatoken is not installed: tiktoken encodes, with the same ids but slower"
    return tokenizer


def for_all_texts(tokenizer: AnyTokenizer, engine: Engine) -> AnyTokenizer:
    """The same tokenizer, whose fast engine encodes small texts too if it is the one that is asked for."""
    if engine == "gigatoken":
        tokenizer.small_bytes = 0
    return tokenizer


def has_gigatoken(engine: Engine) -> bool:
    """Whether gigatoken is installed.

    Raises:
        MissingDependencyError: it is not, and is the engine that is asked for.
    """
    from gptprep.tokenizers import gigatoken

    if engine == "gigatoken" and not gigatoken.is_installed():
        fix = "pip install gigatoken, or leave out --engine"
        raise MissingDependencyError("the engine gigatoken is not installed", fix=fix)
    return gigatoken.is_installed()
