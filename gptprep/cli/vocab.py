"""`gptprep vocab`."""

from dataclasses import dataclass, replace
from typing import Annotated

from gptprep.choices import VocabKind
from gptprep.cli import next_commands, options
from gptprep.cli.options import choice, flag, option
from gptprep.cli.streams import Streams
from gptprep.errors import UsageError

_SIZE = """Number of tokens, special ones included. Of words and characters the most frequent are kept; bpe,
which needs it, merges until it has as many."""
_MIN_COUNT = "Keep, or merge, only what occurs at least K times."
_SPECIAL_TOKENS = "<|endoftext|>, and <|unk|> unless bpe"


@dataclass(frozen=True)
class _AdvancedArguments:
    """Which tokens are kept and added."""

    min_count: Annotated[int, option("--min-count", "K", _MIN_COUNT)] = 1
    special_token: Annotated[
        list[str] | None,
        option("--special-token", "TOKEN", "Special token; can be repeated.", _SPECIAL_TOKENS),
    ] = None
    no_special_tokens: Annotated[bool, flag("--no-special-tokens", "Leave out special tokens.")] = False

    @property
    def special_tokens(self) -> tuple[str, ...] | None:
        """The special tokens; None for the usual ones.

        Raises:
            UsageError: some are given, and also that there are none.
        """
        if self.special_token and self.no_special_tokens:
            what = "--special-token and --no-special-tokens cannot be used together"
            raise UsageError(what, fix="give one of them")
        return () if self.no_special_tokens else tuple(self.special_token) if self.special_token else None


def command(
    streams: Streams,
    advanced: _AdvancedArguments,
    reading: options.ReadingArguments,
    inputs: options.OptionalInputs = None,
    output: options.OutputFile = None,
    kind: Annotated[VocabKind, choice("--kind", "What the tokens are.")] = "word",
    size: Annotated[int | None, option("--size", "N", _SIZE, "all")] = None,
    top: Annotated[int, option("--top", "N", "How many of the tokens to show.")] = 20,
    force: options.Force = False,
) -> None:
    """Build a vocabulary of words or characters, or train a byte-level BPE, from text.

    Words and characters give a JSON file with the tokens in id order: sorted, special tokens last. BPE gives
    a Hugging Face tokenizer.json with --size tokens. Other verbs take either file as --tokenizer. Without -o
    the most frequent tokens are shown, and no file is written.

    Examples:
        gptprep vocab sample_texts/poem.txt --top 5
        gptprep vocab sample_texts/poem.txt -o poem.json
        gptprep vocab sample_texts --kind char -o characters.json
        gptprep vocab sample_texts --kind bpe --size 2000 -o tokenizer.json
    """
    from gptprep.cli.render import text as render
    from gptprep.pipelines import vocab

    plan = vocab.plan(
        vocab.VocabOptions(
            inputs=tuple(options.or_standard_input(inputs, "count", "name a file or a folder")),
            output=output,
            kind=kind,
            size=size,
            min_count=advanced.min_count,
            special_tokens=advanced.special_tokens,
            top=top,
            text=reading.text,
            stdin=reading.stdin,
            files=reading.files,
            workers=reading.workers,
            force=force,
        )
    )
    streams.note_each(reading.without_effect(source.kind for source in plan.sources))
    with streams.progress(beside_data=output == "-") as progress:
        report = vocab.run(plan, progress, streams.data if output == "-" else None)
    if streams.json:
        if output != "-":
            streams.write_json(report)
    elif output is None:
        streams.show(*render.vocabulary(report, progress.seconds))
    else:
        streams.say(*render.vocabulary(report, progress.seconds))
        reads_as_usual = reading == replace(options.ReadingArguments(), workers=reading.workers)
        streams.suggest(*next_commands.after_vocab(report, inputs or ["-"], reads_as_usual=reads_as_usual))
