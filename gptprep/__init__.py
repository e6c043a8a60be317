"""gptprep: raw text to what a GPT trains on."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "TokenPositionEmbedding",
    "WindowDataset",
    "create_dataloader",
    "load_tokenizer",
    "open_shards",
    "sliding_windows",
]

if TYPE_CHECKING:
    from gptprep.dataloader import create_dataloader
    from gptprep.dataset import WindowDataset
    from gptprep.embeddings import TokenPositionEmbedding
    from gptprep.shards import open_shards
    from gptprep.tokenizers import load_tokenizer
    from gptprep.windows import sliding_windows

_HOMES = {
    "TokenPositionEmbedding": "gptprep.embeddings",
    "WindowDataset": "gptprep.dataset",
    "create_dataloader": "gptprep.dataloader",
    "load_tokenizer": "gptprep.tokenizers",
    "open_shards": "gptprep.shards",
    "sliding_windows": "gptprep.windows",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that start-up does not pay for numpy or torch.

    Raises:
        ImportError: it needs torch, and that is not installed.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        raise ImportError(f"{name} needs {error.name}: pip install 'gptprep[torch]'") from error
