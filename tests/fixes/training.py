"""Errors of checkpoints, devices, embeddings and data loaders."""

from __future__ import annotations

from typing import Any
from unittest import mock

from tests.fixes.rows import Place, Row, Table
from tests.helpers.folders import change_array

_EMBED = "embed s -o e --dim 2"
_WITH_WEIGHTS = "embed s -o e --weights w.safetensors"
_TABLES = ("tok.weight", "pos.weight")
_STATE = "give what state_dict() returned"
_EACH = "embed s -o e --weights w.safetensors {0} "


def tensors(**changes: Any) -> Any:
    """Write `w.safetensors` with a token table `wte` of two columns, a position table `wpe`, and changes."""

    def write(place: Place) -> None:
        import torch
        from safetensors.torch import save_file

        tables = {"wte": torch.zeros(50257, 2), "wpe": torch.zeros(4, 2)}
        for name, change in changes.items():
            tables.pop(name, None)
            if change is not None:
                tables[name] = change() if callable(change) else torch.zeros(*change)
        save_file(tables, str(place.folder / "w.safetensors"))

    return write


def too_large() -> Any:
    """A token table with a number that float32 does not hold."""
    import torch

    return torch.full((50257, 2), 1e300, dtype=torch.float64)


def whole_numbers() -> Any:
    """A token table that does not hold floats."""
    import torch

    return torch.zeros(50257, 2, dtype=torch.int32)


def changed_weights(place: Place) -> None:
    """Read a table after its file was replaced by one of another shape."""
    from gptprep.training.checkpoints import find_tables

    tensors()(place)
    path = str(place.folder / "w.safetensors")
    tables = find_tables(path, None, None, with_position=False)
    tensors(wte=(9, 2))(place)
    tables.token.read()


def full_disk(place: Place) -> None:
    """Save tables on a full disk."""
    from safetensors import SafetensorError

    from gptprep.training.checkpoints import save_tables

    full = SafetensorError("I/O error: No space left on device")
    with mock.patch("gptprep.training.checkpoints.save_file", side_effect=full):
        save_tables({}, str(place.folder / "w.safetensors"), "none")


def broken_device(_: Place) -> None:
    """Compute on a device that fails."""
    from gptprep.pipelines.embed.running import _device_errors

    with _device_errors(mock.Mock()):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


def small_device(_: Place) -> None:
    """Compute on a device with too little memory."""
    from gptprep.pipelines.embed.running import _device_errors

    with _device_errors(mock.Mock(size=mock.Mock(bytes=lambda *_: 10**12))):
        raise RuntimeError("CUDA out of memory")


def loader(**options: Any) -> Any:
    """Create a data loader over the shards."""

    def create(place: Place) -> Any:
        from gptprep import create_dataloader

        usual = {"batch_size": 1, "seed": 0}
        return create_dataloader(str(place.folder / "s"), **{**usual, **options})

    return create


def resumed(change: Any = None, **options: Any) -> Any:
    """Load the state of a data loader, with a change, into one with other options."""

    def load(place: Place) -> None:
        state = loader()(place).state_dict()
        if change:
            change(state)
        loader(**options)(place).load_state_dict(state)

    return load


def unseeded(place: Place, state: bool = False) -> None:
    """Load the state of a loader that draws its seeds, without the one that was drawn."""
    first = loader(seed=None)(place)
    next(iter(first))
    saved = first.state_dict()
    loader(seed=None)(place).load_state_dict(saved if state else {**saved, "drawn": None})


def replaced(place: Place) -> None:
    """Give a dataset to another process after its folder was replaced."""
    import pickle

    from gptprep import WindowDataset

    sent = pickle.dumps(WindowDataset(str(place.folder / "s"), "train"))
    assert place.run("window", "a.txt", "-o", "s", "-L", "3", "-f").code == 0
    pickle.loads(sent)


def embedding(**options: Any) -> Any:
    """Create an embedding."""

    def create(_: Place, *values: str) -> None:
        from gptprep import TokenPositionEmbedding

        chosen: dict[str, Any] = {"n_vocab": 9, "dim": 2, "context_length": 4, **options}
        chosen |= {name: values[0].split(", ")[0] for name, value in options.items() if value == "{0}"}
        TokenPositionEmbedding(**chosen)

    return create


def embed_ids(n_ids: int = 0) -> Any:
    """Embed a window of that length, or of the one in the fix."""

    def embed(_: Place, *found: str) -> None:
        import torch

        from gptprep import TokenPositionEmbedding

        TokenPositionEmbedding(9, 2, 4)(torch.zeros(n_ids or int(found[0]), dtype=torch.int64))

    return embed


def from_tables(width: int) -> Any:
    """Create an embedding from a token table of two columns and a position table."""

    def create(_: Place) -> None:
        import torch

        from gptprep import TokenPositionEmbedding

        TokenPositionEmbedding.from_tables(torch.zeros(9, 2), torch.zeros(4, width))

    return create


def wrong_id(place: Place) -> None:
    """Let the shards have an id that is not in the vocabulary."""

    def change(ids: Any) -> None:
        ids[0] = 60000

    change_array(place.folder / "s", "train/inputs-00000.npy", change)


def fitting_batch(place: Place) -> None:
    """Take both ways to get a batch from few windows."""
    loader(batch_size=1)(place)
    loader(batch_size=9, drop_last=False)(place)


TABLE: Table = {
    "pipelines/embed/planning.py": [
        Row(
            "$ PYTHONPATH=hide:$PYTHONPATH gptprep embed s -o e --dim 2",
            "pip install {torch safetensors}",
            _EMBED,
            files={"hide/torch.py": "raise ModuleNotFoundError('no', name='torch')"},
        ),
    ],
    "pipelines/embed/running.py": [
        Row(broken_device, "give another {--device}", f"{_EMBED} {{0}} cpu"),
        Row(
            small_device,
            "give a smaller {--dim} or {--batch-size}, or another {--device}",
            "embed s -o e {0} 1 {1} 1 {2} cpu",
        ),
    ],
    "training/checkpoints.py": [
        Row(
            _WITH_WEIGHTS,
            "name the tables: {--token-table}, {--position-table}",
            "embed s -o e --weights w.safetensors {0} wte {1} other",
            tensors(wpe=(4, 3), other=(4, 2)),
        ),
        Row(
            _WITH_WEIGHTS,
            "scale them, or save them as float32",
            (tensors(), _WITH_WEIGHTS),
            tensors(wte=too_large),
        ),
        Row(
            _WITH_WEIGHTS,
            "give a .safetensors file, or what torch.save(model.state_dict(), ...) wrote",
            (tensors(), _WITH_WEIGHTS),
            files={"w.safetensors": b"damaged"},
        ),
        Row(
            _WITH_WEIGHTS,
            "name a file of weights",
            ("$ rm w.safetensors", tensors(), _WITH_WEIGHTS),
            "$ mkfifo w.safetensors",
        ),
        Row(changed_weights, "write or download the file again", (tensors(), _WITH_WEIGHTS)),
        Row(full_disk, "choose another disk, or free space", _EMBED),
    ],
    "training/table_names.py": [
        Row(
            f"{_WITH_WEIGHTS} --token-table x",
            "name one of them: {--token-table}",
            f"{_EACH} wte",
            tensors(),
        ),
        Row(_WITH_WEIGHTS, "name one: {--token-table}", f"{_EACH} wte", tensors(tok_emb=(50257, 2))),
        Row(_WITH_WEIGHTS, "name the tensor: {--token-table}", f"{_EACH} x", tensors(wte=None, x=(50257, 2))),
        Row(
            _WITH_WEIGHTS,
            "name the tensor: {--position-table}, or give {--position none} or sinusoidal",
            (f"{_EACH} x", "embed s -o e --weights w.safetensors {1} -f"),
            tensors(wpe=None, x=(4, 2)),
        ),
        Row(
            _WITH_WEIGHTS,
            "name one that has rows and columns: {--token-table}, --position-table",
            f"{_EACH} x",
            tensors(wte=(9,), x=(50257, 2)),
        ),
        Row(
            _WITH_WEIGHTS,
            "save it as float32, bfloat16 or float16",
            (tensors(), _WITH_WEIGHTS),
            tensors(wte=whole_numbers),
        ),
    ],
    "training/dataloader.py": [
        Row(resumed(lambda state: state.clear()), _STATE, resumed()),
        Row(resumed(lambda state: state.update(batches=1 << 62)), _STATE, resumed()),
        Row(unseeded, _STATE, lambda place: unseeded(place, state=True)),
        Row(resumed(seed=1), "create the loader like the one that was stopped", resumed()),
        Row(
            loader(world_size=2, seed=None),
            "give all of them the same seed",
            lambda place: (loader(world_size=2, rank=0)(place), loader(world_size=2, rank=1)(place)),
        ),
        Row(
            loader(sampler=[]),
            "create a DataLoader over WindowDataset",
            _EMBED,
        ),
    ],
    "training/dataset.py": [
        Row(replaced, "restart the program that reads it", lambda place: loader()(place))
    ],
    "training/embedding.py": [
        Row(from_tables(3), "give the position table that belongs to the token table", from_tables(2)),
        Row(embed_ids(5), "give at most {4} ids", embed_ids()),
        Row(embedding(dim=0), "give a number of {1} or more", lambda place, n: embedding(dim=int(n))(place)),
        Row(embedding(position="x"), "choose {.+}", embedding(position="{0}")),
        Row(
            "embed s -o e --dim 2 --device x",
            "choose auto, {cpu}, cuda, cuda:0, ... or mps",
            "embed s -o e --dim 2 --device {0}",
        ),
        Row(
            "embed s -o e --dim 2 --device cuda:9",
            "choose one of those, or {auto}",
            "embed s -o e --dim 2 --device {0}",
        ),
    ],
    "windows/epochs.py": [
        Row(loader(batch_size=9), "give a smaller batch_size, or drop_last=False", fitting_batch),
        Row(
            loader(world_size=99, drop_last=False),
            "give more text",
            (
                lambda place: (place.folder / "a.txt").write_text("one " * 999),
                "window a.txt -o s -L 4 -f",
                loader(world_size=99, drop_last=False),
            ),
        ),
        Row(loader(batch_size=0), "give {1} or more", lambda place, n: loader(batch_size=int(n))(place)),
        Row(loader(rank=1), "give {0} to world_size - 1", lambda place, n: loader(rank=int(n))(place)),
        Row(
            loader(seed=-1),
            "give 0 to {2**64 - 1}".replace("**", r"\*\*"),
            lambda place, most: loader(seed=eval(most))(place),
        ),
    ],
    "training/writer.py": [
        Row(_EMBED, "write the shards again", ("window a.txt -o s -L 4 -f", _EMBED), wrong_id)
    ],
}
