"""The names of embedding tables in checkpoints. (This module does not import torch.)"""

from collections.abc import Mapping

from gptprep.errors import GptprepError

MODULES = {
    "token": ("tok_emb", "wte", "token_embedding_table"),
    "position": ("pos_emb", "wpe", "position_embedding_table"),
}
"""Modules of the book's GPTModel and of gptprep; of GPT-2 and nanoGPT; of Karpathy's "Let's build GPT"."""
FLOATS = ("float16", "bfloat16", "float32", "float64")
"""The dtypes that a table may have."""


def find_table(
    path: str, shapes: Mapping[str, tuple[int, ...]], kind: str, name: str | None, instead: str = ""
) -> str:
    """The name of the one tensor that is a table of a kind.

    Args:
        shapes: of all tensors.
        kind: "token" or "position".
        name: the one that the user names; it need only exist.
        instead: another fix for a missing table.

    Raises:
        GptprepError: there is none, or there are several.
    """
    option = f"--{kind}-table"
    if name is not None:
        if name in shapes:
            return name
        raise GptprepError(f"{path} has no tensor {name!r}", _listed(shapes), f"name one of them: {option}")
    modules = MODULES[kind]
    found = [name for name in shapes if name.removesuffix(".weight").rpartition(".")[2] in modules]
    if len(found) == 1:
        return found[0]
    if found:
        what = f"{path} has {len(found)} {kind} tables"
        raise GptprepError(what, ", ".join(found[:5]), f"name one: {option}")
    why = f"no tensor is called {', '.join(modules)}; {_listed(shapes)}"
    raise GptprepError(f"{path} has no {kind} table", why, f"name the tensor: {option}{instead}")


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The tensors that could be tables, for an error."""
    tables = [name for name, shape in shapes.items() if len(shape) == 2]
    if not tables:
        return "it has no two-dimensional tensor"
    more = f" and {len(tables) - 5} more" if len(tables) > 5 else ""
    return f"its tables are {', '.join(tables[:5])}{more}"


def check_table(path: str, name: str, shape: tuple[int, ...], dtype: str) -> None:
    """Refuse a tensor that is not a table of floats.

    Raises:
        GptprepError: says why.
    """
    if len(shape) != 2 or 0 in shape:
        what, why = f"{name} in {path} is not a table", f"its shape is {shape}"
        raise GptprepError(what, why, "name one that has rows and columns: --token-table, --position-table")
    if dtype not in FLOATS:
        what, why = f"{name} in {path} does not hold plain floats", f"its dtype is {dtype}"
        raise GptprepError(what, why, "save it as float32, bfloat16 or float16")
