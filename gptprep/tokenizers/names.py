"""Names of models, which people know better than those of encodings."""

import re

from gptprep.tokenizers.published import KNOWN

OFFERED_ENCODINGS = (*KNOWN, "p50k_edit", "o200k_harmony")
"""The encodings of tiktoken, GPT-2's first, for completion, which has no time to import it."""
_GPT2_MODELS = ("gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2")
"""They share GPT-2's vocabulary; tiktoken knows only `gpt2`."""
_GPT_MODELS = ("gpt-5", "gpt-4.1", "gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-3.5-turbo", "gpt-oss-20b")
_OTHER_MODELS = ("o1", "o3", "o4-mini", "text-embedding-3-small", "text-embedding-3-large")
OFFERED_MODELS = (*_GPT_MODELS, *_GPT2_MODELS, *_OTHER_MODELS)
"""Models that many people know, for completion."""
_OWNERS = ("openai-community/", "distilbert/")
"""Who publishes these models on Hugging Face."""
_FILE_ENDING = re.compile(r"\.[a-z]\w*$")


def encoding_of(name: str, known: list[str]) -> str | None:
    """The encoding that a name stands for, in upper or lower case; None if it stands for none.

    A path, or a name that ends like a file, is no model, whatever it starts with.

    Args:
        known: the names of encodings.

    >>> encoding_of("gpt-4o", []), encoding_of("GPT2", ["gpt2"]), encoding_of("gpt-4-turbo.json", [])
    ('o200k_base', 'gpt2', None)
    """
    name = name.lower()
    if name in known:
        return name
    model = name
    for owner in _OWNERS:
        model = model.removeprefix(owner)
    if model in _GPT2_MODELS or (model == "gpt2" and model != name):
        return "gpt2"
    if "/" in name or _FILE_ENDING.search(name):
        return None
    from tiktoken.model import encoding_name_for_model

    try:
        return encoding_name_for_model(name)
    except KeyError:
        return None


def model_names() -> list[str]:
    """Models that have an encoding, for suggestions."""
    from tiktoken.model import MODEL_TO_ENCODING

    return [*MODEL_TO_ENCODING, *_GPT2_MODELS]
