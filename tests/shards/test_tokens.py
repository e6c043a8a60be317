"""The layout `tokens`."""

from pathlib import Path

import numpy as np
import pytest

from gptprep import open_shards
from gptprep.errors import CorruptDataError
from tests.helpers.folders import make_shards


@pytest.mark.parametrize(
    ("role", "value"), [("starts", -5), ("starts", 10**6), ("lengths", 0), ("lengths", 9), ("starts", 10**18)]
)
def test_window_table_that_leaves_the_split_is_damaged(tmp_path: Path, role: str, value: int) -> None:
    shards = make_shards(tmp_path, layout="tokens", boundary="document")
    path = shards / "train" / f"{role}-00000.npy"
    numbers = np.load(path)
    numbers[3] = value
    np.save(path, numbers)
    with pytest.raises(CorruptDataError, match=r"the window table of .* is damaged"):
        open_shards(str(shards)).windows("train").take(range(5))
