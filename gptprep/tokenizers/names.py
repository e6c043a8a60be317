"""Names of models, which people know better than those of encodings."""

import re

_GPT2_MODELS = ("gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2")
"""They share GPT-2's vocabulary; tiktoken knows only `gpt2`."""
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
