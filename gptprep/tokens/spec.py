"""How documents are encoded: the options that `encode`, `window` and their workers share."""

import os
from dataclasses import dataclass, field
from functools import lru_cache

from gptprep.choices import Engine, SpecialPolicy
from gptprep.corpus.text_options import TextOptions
from gptprep.errors import GptprepError
from gptprep.tokenizers import Tokenizer, load_tokenizer


@dataclass(frozen=True)
class EncodingSpec:
    """How documents are read and encoded."""

    tokenizer: str | None = None
    """A name or a path, as `load_tokenizer` takes it; None for that of the input, or GPT-2's for text."""
    special: SpecialPolicy = "allow"
    engine: Engine = "auto"
    cross_check: bool = True
    """Whether some of the ids are compared with the reference."""
    text: TextOptions = field(default_factory=TextOptions)
    default_tokenizer: str | None = None
    """Used instead of `tokenizer` if that is None and the input does not say its own; None for GPT-2's."""

    @property
    def tokenizer_names(self) -> tuple[str, ...]:
        """The names or paths of tokenizers that may be read, besides those of the input."""
        return tuple(filter(None, (self.tokenizer, self.default_tokenizer)))

    def load_tokenizer(self) -> Tokenizer:
        """The tokenizer, one for each process, so that forked workers have their parent's.

        It is loaded again if its file has changed. Raises as `load_tokenizer`.
        """
        name = self.tokenizer or self.default_tokenizer or "gpt2"
        try:
            status = os.stat(name)
            stamp: tuple[int, ...] = (status.st_ino, status.st_size, status.st_mtime_ns)
        except OSError:
            stamp = ()
        return _loaded(name, self.special, self.engine, stamp)

    def load_shared(self, workers: int) -> None:
        """Load what the cross-checks of several workers need, before they are forked."""
        if workers > 1 and self.cross_check:
            self.load_tokenizer().load_shared()

    def load_unchanged(self, identity: str) -> Tokenizer:
        """The tokenizer that a plan was made with, for its tasks.

        Args:
            identity: that of the tokenizer then.

        Raises:
            GptprepError: it has another one now; also as `load_tokenizer`.
        """
        tokenizer = self.load_tokenizer()
        if identity != tokenizer.identity:
            what = f"the tokenizer {tokenizer.name} changed while it was used"
            raise GptprepError(what, "all ids must be of one tokenizer", "run the same command again")
        return tokenizer


@lru_cache(maxsize=4)
def _loaded(name: str, special: SpecialPolicy, engine: Engine, _: tuple[int, ...]) -> Tokenizer:
    return load_tokenizer(name, special, engine)
