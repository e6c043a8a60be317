"""About how much `window` will write, and how long it will take, from samples of its inputs."""

from collections.abc import Sequence
from typing import NamedTuple

from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions
from gptprep.shards.layout import ShardFormat
from gptprep.storage.writers import seconds_per_byte
from gptprep.tokenizers import Tokenizer
from gptprep.tokens.estimating import Effort, Estimate, estimate
from gptprep.windows.spec import WindowSpec, train_ids
from gptprep.windows.strided import count


class Expected(NamedTuple):
    """What is expected of the ids of all inputs, or of those for train and those for val."""

    spec: WindowSpec
    corpora: tuple[Estimate, ...]

    @property
    def ids(self) -> int:
        """All ids."""
        return sum(corpus.ids for corpus in self.corpora)

    @property
    def least_ids(self) -> int:
        """Hardly fewer ids than these."""
        return sum(corpus.least_ids for corpus in self.corpora)

    @property
    def windows(self) -> int | None:
        """All windows; None if that depends on the lengths of documents."""
        return self._windows([corpus.ids for corpus in self.corpora])

    def bytes(self, shards: ShardFormat) -> int | None:
        """The size of all shards; None if that depends on the lengths of documents."""
        return self._bytes(shards, [corpus.ids for corpus in self.corpora])

    def least_bytes(self, shards: ShardFormat) -> int:
        """As `bytes`, for no more than `least_ids`."""
        return self._bytes(shards, [corpus.least_ids for corpus in self.corpora]) or 0

    def seconds(self, shards: ShardFormat, workers: int) -> float:
        """How long a run takes in which nothing else slows it down."""
        longest = max(corpus.longest for corpus in self.corpora)
        encoding = max(longest, sum(corpus.seconds for corpus in self.corpora) / workers)
        # Windows of documents are about as many as those of a stream, where documents are not short.
        n_bytes = self.bytes(shards) or self.ids * shards.row_bytes // self.spec.step
        return encoding + n_bytes * seconds_per_byte() / workers

    def _windows(self, sizes: list[int]) -> int | None:
        if self.spec.ends_with_documents:
            return None
        if len(sizes) == 1:
            n_train = train_ids(sizes[0], self.spec.fraction)
            sizes = [n_train, sizes[0] - n_train]
        return sum(count(n, self.spec.context_length, self.spec.step) for n in sizes)

    def _bytes(self, shards: ShardFormat, sizes: list[int]) -> int | None:
        n_rows = sum(sizes) if shards.unit == "id" else self._windows(sizes)
        return None if n_rows is None else n_rows * shards.row_bytes


def expected(
    corpora: Sequence[Sequence[Source]],
    spec: WindowSpec,
    tokenizer: Tokenizer,
    text: TextOptions,
    effort: Effort,
) -> Expected | None:
    """What is expected of some corpora; None if the size of a source is unknown before it is read."""
    found = [estimate(corpus, tokenizer, text, effort) for corpus in corpora]
    known = tuple(one for one in found if one is not None)
    return Expected(spec, known) if len(known) == len(found) else None
