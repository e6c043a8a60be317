"""Where a text occurs in the ids of a shard folder, however it was divided into tokens there.

A text may start and end inside tokens, so there are many ways to encode it. Ids are searched by tables over
the vocabulary: a token can be the first of an occurrence if it holds the text, or if it ends with the first k
bytes of the text and the next token goes on from there for the same k. What passes is compared byte by byte.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gptprep.errors import GptprepError, UsageError
from gptprep.pipelines.folder_tokenizer import folder_tokenizer
from gptprep.pipelines.inspect.text import TokenView, token_views
from gptprep.progress import Progress, no_progress
from gptprep.shards.folder import ShardFolder, open_shards
from gptprep.shards.layout import TextBlock
from gptprep.tokenizers import Tokenizer
from gptprep.windows.shuffle import unpermute

_MOST_BYTES = 64
"""Bytes of the text that the tables are for: the numbers of splits below it fit in 64 bits."""
_CONTEXT = 8
"""Tokens shown before and after an occurrence."""


@dataclass(frozen=True)
class FindOptions:
    """What to find and where."""

    path: str
    text: bytes
    split: str | None = None
    """None for all."""
    most: int = 10
    """Occurrences that are reported; all are counted."""
    tokenizer: str | None = None
    """None for the one that made the shards."""


class Occurrence(NamedTuple):
    """A place where the text occurs."""

    split: str
    windows: tuple[int, ...]
    """The window that has all of it, by number; or those that have its start and its end."""
    place: int
    """The number of the token in the (first) window in which it starts."""
    before: tuple[TokenView, ...]
    found: tuple[TokenView, ...]
    """The tokens that have the text, perhaps with more around it."""
    after: tuple[TokenView, ...]


@dataclass(frozen=True)
class FindReport:
    """Where a text occurs."""

    path: str
    text: str
    tokenizer: str
    counts: dict[str, int]
    """How often it occurs in each split, in the ids of all windows in text order."""
    ids: int
    """How many were searched."""
    bytes: int
    """Their size."""
    occurrences: tuple[Occurrence, ...]
    """The first of each split."""


def find(options: FindOptions, progress: Progress = no_progress) -> FindReport:
    """Find a text in the ids of all windows, in text order.

    Raises:
        UsageError: the text is empty, or there is no such split.
        GptprepError: the folder or its tokenizer cannot be used.
        CorruptDataError: a file is not what the manifest says.
    """
    if not options.text:
        raise UsageError("--find is empty", fix="give the text to find")
    if options.most < 0:
        raise UsageError(f"-n is {options.most}", fix="give 0 or more")
    folder = open_shards(options.path)
    if options.split is not None:
        folder.require_split(options.split)
    tokenizer = folder_tokenizer(folder, options.tokenizer)
    if tokenizer.kind == "word":
        what, why = (
            f"text cannot be found in ids of {tokenizer.name}",
            "words do not say what stood between them",
        )
        raise GptprepError(what, why, f"search the text of gptprep decode {shlex.quote(options.path)}")
    splits = [options.split] if options.split is not None else list(folder.manifest.splits)
    total = sum(folder.manifest.splits[name].ids for name in splits)
    matcher, done, counts = _Matcher(tokenizer, options.text), 0, dict[str, int]()
    occurrences: list[Occurrence] = []
    for name in splits:
        search = _Search(folder, name, matcher, options.most)
        for block in folder.windows(name).text_order():
            search.add(block)
            done += len(block.ids)
            progress("searching", done, total, "ids")
        search.finish()
        counts[name] = search.count
        occurrences += search.found
    return FindReport(
        path=options.path,
        text=options.text.decode(errors="replace"),
        tokenizer=tokenizer.name,
        counts=counts,
        ids=done,
        bytes=done * np.dtype(folder.manifest.dtype).itemsize,
        occurrences=tuple(occurrences),
    )


class _Matcher:
    """Finds the tokens in which a text starts."""

    def __init__(self, tokenizer: Tokenizer, text: bytes) -> None:
        self.tokenizer, self.text = tokenizer, text
        self.tokens = [_bytes_of(tokenizer, token_id) for token_id in range(tokenizer.n_vocab)]
        start = text[:_MOST_BYTES]
        ends_at, starts_at = dict[int, list[int]](), dict[int, list[int]]()
        for k in range(1, len(start)):
            ends_at.setdefault(start[k - 1], []).append(k)
            starts_at.setdefault(start[k], []).append(k)
        self._holds = np.array([start in token for token in self.tokens])
        self._ends = np.zeros(len(self.tokens), np.uint64)
        self._goes_on = np.zeros(len(self.tokens), np.uint64)
        for token_id, token in enumerate(self.tokens):
            if not token:
                continue
            for k in ends_at.get(token[-1], ()):
                if token.endswith(start[:k]):
                    self._ends[token_id] |= np.uint64(1 << k)
            for k in starts_at.get(token[0], ()):
                if token.startswith(start[k:]) or start.startswith(token, k):
                    self._goes_on[token_id] |= np.uint64(1 << k)
        self._may_start = self._holds | (self._ends != 0)

    def candidates(self, ids: NDArray[Any]) -> NDArray[np.intp]:
        """The places of all tokens in which the text may start."""
        places = np.flatnonzero(self._may_start.take(ids))
        following = ids[np.minimum(places + 1, len(ids) - 1)]
        goes_on = (self._ends[ids[places]] & self._goes_on[following]) != 0
        found: NDArray[np.intp] = places[self._holds[ids[places]] | goes_on]
        return found

    def spans(self, ids: Sequence[int]) -> Iterator[int]:
        """For each occurrence that starts in the first of some ids: how many of them have all of it."""
        parts = [self.tokens[token_id] for token_id in ids]
        joined, first = b"".join(parts), len(parts[0]) if parts else 0
        offset = joined.find(self.text)
        while 0 <= offset < first:
            stop, end = 0, 0
            while end < offset + len(self.text):
                end += len(parts[stop])
                stop += 1
            yield stop
            offset = joined.find(self.text, offset + 1)


def _bytes_of(tokenizer: Tokenizer, token_id: int) -> bytes:
    try:
        return tokenizer.token_bytes(token_id)
    except KeyError:
        return b""


class _Search:
    """Looks for the text in the blocks of a split.

    Ids at the end of a block wait for the next one, because an occurrence may go on there.
    """

    def __init__(self, folder: ShardFolder, split: str, matcher: _Matcher, most: int) -> None:
        self._manifest, self._split, self._matcher, self._most = folder.manifest, split, matcher, most
        self._n_windows = folder.manifest.splits[split].windows
        # The window of each id is not stored: where windows stop among the ids in memory is enough.
        self._wait = len(matcher.text) + _CONTEXT
        self._ids = np.zeros(0, folder.manifest.dtype)
        self._stops = self._sizes = np.zeros(0, np.int64)
        self._first = 0
        self._start = 0
        self.count = 0
        self.found: list[Occurrence] = []

    def add(self, block: TextBlock) -> None:
        """Search a block, and what waited for it."""
        self._stops = np.concatenate([self._stops, len(self._ids) + np.cumsum(block.counts)])
        self._sizes = np.concatenate([self._sizes, block.sizes])
        self._ids = np.concatenate([self._ids, block.ids])
        self._search(len(self._ids) - self._wait)

    def finish(self) -> None:
        """Search the rest."""
        self._search(len(self._ids))

    def _search(self, stop: int) -> None:
        """Search places from `_start` to `stop`, and forget what no later occurrence needs."""
        if stop <= self._start:
            return
        for place in self._matcher.candidates(self._ids).tolist():
            if self._start <= place < stop:
                ids = self._ids[place : place + len(self._matcher.text) + 1].tolist()
                for n_tokens in self._matcher.spans(ids):
                    self._add(place, place + n_tokens)
        forgotten = max(0, stop - _CONTEXT)
        self._start, self._ids = stop - forgotten, self._ids[forgotten:]
        n_windows = int(np.searchsorted(self._stops, forgotten, "right"))
        self._first += n_windows
        self._stops, self._sizes = self._stops[n_windows:] - forgotten, self._sizes[n_windows:]

    def _window_of(self, place: int) -> tuple[int, int]:
        """The window, in text order, that adds an id, and the number of the id in it."""
        window = int(np.searchsorted(self._stops, place, "right"))
        return self._first + window, int(self._sizes[window] - (self._stops[window] - place))

    def _add(self, start: int, stop: int) -> None:
        (first, first_place), (last, last_place) = self._window_of(start), self._window_of(stop - 1)
        place = last_place - (stop - 1 - start)
        if self._manifest.stride > self._manifest.context_length + 1 and first != last:
            return  # between the windows there are ids that are in neither
        self.count += 1
        if len(self.found) == self._most:
            return
        windows = (last,) if place >= 0 else (first, last)
        views = [
            tuple(token_views(self._ids[max(0, low) : high].tolist(), self._matcher.tokenizer))
            for low, high in ((start - _CONTEXT, start), (start, stop), (stop, stop + _CONTEXT))
        ]
        place = place if place >= 0 else first_place
        self.found.append(Occurrence(self._split, self._stored(windows), place, *views))

    def _stored(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """The numbers as the data loader counts."""
        if not self._manifest.shuffle:
            return numbers
        return tuple(unpermute(list(numbers), self._n_windows, self._manifest.seed).tolist())
