"""The options that say which windows a corpus gives, and in which split and order."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from gptprep.choices import DEFAULT_CONTEXT_LENGTH, Boundary, SplitBy
from gptprep.errors import UsageError
from gptprep.windows.index import check_lengths


@dataclass(frozen=True)
class WindowSpec:
    """Which windows a corpus gives.

    Raises:
        UsageError: an option gives no windows.
    """

    context_length: int = DEFAULT_CONTEXT_LENGTH
    stride: int | None = None
    """None for the context length."""
    val_fraction: str = "0"
    """As the user wrote it, such as 0.1 or 10%; of the ids, or of the documents."""
    split_by: SplitBy = "tail"
    boundary: Boundary = "stream"
    shuffle: bool = False
    seed: int = 0
    """The seed of the shuffle and of the split by document."""

    def __post_init__(self) -> None:
        check_lengths(self.context_length, self.step)
        if not 0 <= self.fraction < 1:
            fix = "give a number of at least 0 and below 1, such as 0.1, or a percentage, such as 10%"
            raise UsageError(f"the val fraction is {self.val_fraction}", fix=fix)
        if not 0 <= self.seed < 1 << 64:
            raise UsageError(f"--seed is {self.seed}", fix="give a number of at least 0 and below 2**64")

    @property
    def step(self) -> int:
        """The stride, given or by default."""
        return self.context_length if self.stride is None else self.stride

    @property
    def fraction(self) -> Fraction:
        """`val_fraction` as an exact number; -1 if it is not a number."""
        decimal = re.fullmatch(r"([0-9]{0,9}\.?[0-9]{0,30}) ?(%?)", self.val_fraction.strip())
        if not decimal or not decimal[1].strip("."):
            return Fraction(-1)
        return Fraction(decimal[1]) / (100 if decimal[2] else 1)

    @property
    def ends_with_documents(self) -> bool:
        """Whether no window crosses documents."""
        return self.boundary == "document"

    @property
    def splits_by_document(self) -> bool:
        """Whether each document goes to train or val as a whole."""
        return self.split_by == "document" and self.fraction > 0


def train_ids(n_ids: int, val_fraction: Fraction) -> int:
    """How many ids go to train if the last `val_fraction` of a stream goes to val.

    Windows are made on either side of that position, so no id of a val target is in a train window.
    """
    return n_ids - math.floor(n_ids * val_fraction)
