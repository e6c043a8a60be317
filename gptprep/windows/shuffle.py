"""Random orders without a table: a seeded permutation of any number of windows, and seeded hashes of numbers.

`permute` says which window of the text is at a place of a shuffled split. It is a bijection on `range(n)`: a
Feistel network of `ROUNDS` rounds on the index as two halves of `b` bits each, with the smallest `b` of at
least 1 for which `4**b >= n`. A result that is not below `n` goes through the network again until it is
(cycle walking: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). With `low` and `high` the
halves of the index, round `r` does

    low, high = high ^ (mix(low + key[r]) >> (64 - b)), low

where all numbers have 64 bits and `mix` is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014). The
keys are SplitMix64's first `ROUNDS` numbers from the seed. Nothing here depends on the version of numpy.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import UsageError
from gptprep.windows.index import Located, WindowIndex

ROUNDS = 8
_INCREMENT = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64: well-mixed numbers of 64 bits."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def keys(seed: int, count: int) -> NDArray[np.uint64]:
    """The first numbers that SplitMix64 gives from a seed."""
    return splitmix64(np.array([(seed + n * _INCREMENT) & _MASK for n in range(1, count + 1)], np.uint64))


def hash_numbers(numbers: Any, seed: int) -> NDArray[np.uint64]:
    """A seeded hash of each number, uniform over 64 bits and independent of `permute` with the same seed."""
    return splitmix64(splitmix64(np.asarray(numbers, np.uint64)) + keys(seed, ROUNDS + 1)[-1])


def permute(indices: Any, n: int, seed: int) -> NDArray[np.int64]:
    """Apply the seed's permutation of `range(n)` to some indices.

    Args:
        indices: integers of at least 0 and below `n`.
        n: how many items there are.
        seed: 0 to 2**64 - 1.

    Raises:
        UsageError: an index is negative or not below `n`.

    >>> permute(range(6), 6, seed=1).tolist()
    [5, 2, 3, 4, 1, 0]
    """
    signed = np.atleast_1d(np.asarray(indices, np.int64))
    if len(signed) and not 0 <= signed.min() <= signed.max() < n:
        raise UsageError(f"an index is not in range({n})", fix=f"give numbers from 0 to {n - 1}")
    values = signed.astype(np.uint64)
    bits = max(1, -(-(n - 1).bit_length() // 2))
    out = _network(values, bits, keys(seed, ROUNDS))
    while (outside := out >= n).any():
        out[outside] = _network(out[outside], bits, keys(seed, ROUNDS))
    return out.astype(np.int64)


def unpermute(places: Any, n: int, seed: int) -> NDArray[np.int64]:
    """The inverse of `permute`: where items are in the order of the seed.

    >>> unpermute([5, 2, 3, 4, 1, 0], 6, seed=1).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    bits, round_keys = max(1, -(-(n - 1).bit_length() // 2)), keys(seed, ROUNDS)
    out = _inverse_network(np.asarray(places, np.uint64), bits, round_keys)
    while (outside := out >= n).any():
        out[outside] = _inverse_network(out[outside], bits, round_keys)
    return out.astype(np.int64)


def _inverse_network(
    values: NDArray[np.uint64], bits: int, round_keys: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    half = np.uint64(bits)
    low, high = values & np.uint64((1 << bits) - 1), values >> half
    for key in round_keys[::-1]:
        low, high = high, low ^ (splitmix64(high + key) >> np.uint64(64 - bits))
    return (high << half) | low


def _network(values: NDArray[np.uint64], bits: int, round_keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    half = np.uint64(bits)
    low, high = values & np.uint64((1 << bits) - 1), values >> half
    for key in round_keys:
        low, high = high ^ (splitmix64(low + key) >> np.uint64(64 - bits)), low
    return (high << half) | low


class ShuffledWindows(WindowIndex):
    """Another index in the order of a seed."""

    def __init__(self, windows: WindowIndex, seed: int) -> None:
        self._windows, self._seed = windows, seed
        self.context_length, self.has_lengths = windows.context_length, windows.has_lengths
        self.dropped, self.padding = windows.dropped, windows.padding

    def __len__(self) -> int:
        return len(self._windows)

    def locate(self, numbers: NDArray[np.int64]) -> Located:
        return self._windows.locate(permute(numbers, len(self), self._seed))

    def count_before(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._windows.count_before(positions)
