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
    from gptprep.shards.folder import open_shards
    from gptprep.tokenizers import load_tokenizer
    from gptprep.training.dataloader import create_dataloader
    from gptprep.training.dataset import WindowDataset
    from gptprep.training.embedding import TokenPositionEmbedding
    from gptprep.windows.strided import sliding_windows

_MODULES = {
    "TokenPositionEmbedding": "gptprep.training.embedding",
    "WindowDataset": "gptprep.training.dataset",
    "create_dataloader": "gptprep.training.dataloader",
    "load_tokenizer": "gptprep.tokenizers",
    "open_shards": "gptprep.shards.folder",
    "sliding_windows": "gptprep.windows.strided",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import gptprep` loads neither numpy nor torch.

    Raises:
        ImportError: it needs torch, which is not installed.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        raise ImportError(f"{name} needs {error.name}: pip install torch safetensors") from error
