r"""The pre-tokenizers of published `tokenizer.json` files that gigatoken implements.

A file is recognized by its regular expressions, character by character. Where a model is named, its published
`tokenizer.json` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gptprep.tokenizers.published import O200K_PATTERN
from gptprep.tokenizers.split_points import after_any_character, after_letter_or_digit


class HfPattern(NamedTuple):
    """What divides a text into pre-tokens."""

    regexes: tuple[str, ...]
    """Of the `Split` steps in order: each divides what the ones before it left over."""
    is_safe_after: Callable[[str], bool] = after_letter_or_digit
    """The rule for split points; see `split_points`."""
    names_symbols: bool = False
    r"""Whether it has `\p{P}` or `\p{S}`, so that newer symbols matter as well as newer letters."""


_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_SPACE = r"|\s*[\r\n]+|\s+(?!\S)|\s+"

BYTE_LEVEL_REGEX = "ByteLevel"
"""Stands for the expression of a `ByteLevel` step with `use_regex`, which the file does not spell out."""
LLAMA3_REGEX = _CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _SPACE
"""Llama 3, GLM-4, Phi-4, OLMo 2 and 3."""
_QWEN2_REGEX = _CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _SPACE
"""Qwen 2, 2.5 and 3."""
_QWEN35_REGEX = (
    _CONTRACTION + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + _SPACE
)
"""Qwen 3.5."""
_NEMOTRON_REGEX = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + _SPACE
)
"""Nemotron 3 and Mistral's Tekken."""
_DEEPSEEK_V3_REGEXES = (
    r"\p{N}{1,3}",
    "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
)
"""DeepSeek V3 and R1. The last one holds a carriage return and a newline, not their escapes."""

HF_PATTERNS = {
    "gpt2": HfPattern((BYTE_LEVEL_REGEX,), after_any_character),
    "llama3": HfPattern((LLAMA3_REGEX,)),
    "qwen2": HfPattern((_QWEN2_REGEX,)),
    "qwen35": HfPattern((_QWEN35_REGEX,)),
    "o200k": HfPattern((O200K_PATTERN,)),  # gpt-oss and Llama 4
    "nemotron": HfPattern((_NEMOTRON_REGEX,)),
    "deepseek_v3": HfPattern(_DEEPSEEK_V3_REGEXES, names_symbols=True),
}
"""By name. But for DeepSeek's, each matches every character: no text is left between its matches."""
_BY_REGEXES = {pattern.regexes: pattern for pattern in HF_PATTERNS.values()}


def pattern_of(pre_tokenizer: object) -> HfPattern | None:
    """The pattern of a file's `pre_tokenizer`; None if it is none of `HF_PATTERNS`."""
    return _BY_REGEXES.get(regexes_of(pre_tokenizer))


def regexes_of(pre_tokenizer: object) -> tuple[str, ...]:
    """The regular expressions of a byte-level `pre_tokenizer`; empty if it does anything else as well."""
    if _is_byte_level(pre_tokenizer, use_regex=True):
        return (BYTE_LEVEL_REGEX,)
    if not isinstance(pre_tokenizer, dict) or pre_tokenizer.get("type") != "Sequence":
        return ()
    steps = pre_tokenizer.get("pretokenizers")
    if not isinstance(steps, list) or not steps or not _is_byte_level(steps[-1], use_regex=False):
        return ()
    regexes = [_regex_of(step, is_alone=len(steps) == 2) for step in steps[:-1]]
    return tuple(regexes) if all(regexes) else ()


def _regex_of(step: Any, *, is_alone: bool) -> str:
    """The expression of a `Split` step whose matches are the pre-tokens; nothing if it is another step.

    "Removed" and inverted, it removes what is between the matches, which is the same as "Isolated" for one
    that matches every character.
    """
    if not isinstance(step, dict) or step.get("type") != "Split":
        return ""
    settings = step.get("behavior"), step.get("invert")
    if settings != ("Isolated", False) and not (is_alone and settings == ("Removed", True)):
        return ""
    pattern = step.get("pattern")
    regex = pattern.get("Regex") if isinstance(pattern, dict) and len(pattern) == 1 else None
    return regex if isinstance(regex, str) else ""


def _is_byte_level(step: object, *, use_regex: bool) -> bool:
    if not isinstance(step, dict) or step.get("type") != "ByteLevel":
        return False
    return step.get("add_prefix_space") is False and step.get("use_regex", True) is use_regex
