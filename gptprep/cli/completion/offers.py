"""What can be at the cursor: verbs, options and values."""

from collections.abc import Callable, Iterable, Iterator

from gptprep.cli.completion.line import Line, Parameter, summary
from gptprep.cli.completion.paths import Offer, Paths, offer_paths, real_path
from gptprep.cli.parameters import VERBS

ENCODINGS = (
    *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "latin-1"),
    *("cp1252", "cp1250", "cp1251", "cp437", "iso-8859-2", "iso-8859-15", "koi8-r", "mac-roman"),
    *("big5", "gb18030", "gbk", "shift_jis", "euc-jp", "euc-kr"),
)
"""Text encodings of Python that corpora are in."""
DEVICES = ("auto", "cpu", "cuda", "mps")
_ANY, _FOLDERS = Paths(), Paths(files=False)
_SHARDS_FIRST = Paths(shards_first=True)
_BY_METAVAR = {
    "FILE": _ANY,
    "DIR": _FOLDERS,
    "INPUT": _ANY,
    "[INPUT...]": _ANY,
    "[THING...]": _SHARDS_FIRST,
    "[ID...|FILE|SHARDS]": _SHARDS_FIRST,
    "SHARDS": Paths(files=False, shards_first=True),
    "DIR|FILE": Paths(endings=(".npy", ".bin"), shards_first=True),
}
"""The files that a value may name, by how the help calls it."""
_WEIGHTS = Paths(endings=(".safetensors", ".pt", ".pth", ".bin"))


def offers(line: Line, word: str) -> Iterator[Offer]:
    """What may replace the word at the cursor. Values that it cannot start may be among them."""
    if line.waiting:
        yield from values(line.waiting, line, word)
    elif word.startswith("-") and not line.has_dashes:
        yield from option_names(line, word)
    elif line.verb is None:
        yield from (Offer(verb, summary(verb)) for verb in VERBS if not line.values)
        if word and not line.is_help:
            yield Offer("help", "Show the help of a verb")
    elif argument := line.argument:
        yield from values(argument, line, word)
    elif not word and not line.has_dashes:
        yield from option_names(line, "--")


def option_names(line: Line, word: str) -> Iterator[Offer]:
    """Options that are not given yet or can be repeated; long ones alone after two hyphens."""
    for option in line.options:
        if option.key not in line.given or option.repeats:
            names = (name for name in option.names if name.startswith("--") or not word.startswith("--"))
            yield from (Offer(name, option.help) for name in names)


def values(parameter: Parameter, line: Line, word: str) -> Iterable[Offer]:
    """The values of an option or an argument."""
    if parameter.key in _BY_KEY:
        return _BY_KEY[parameter.key](line, word)
    if paths := _BY_METAVAR.get(parameter.metavar):
        return offer_paths(word, paths, has_dashes=line.has_dashes)
    return map(Offer, parameter.choices)


def _tokenizers(_line: Line, word: str) -> Iterator[Offer]:
    from gptprep.pipelines.completion import ENCODING_NAMES, MODEL_NAMES, TOKENIZER_ENDINGS

    yield from map(Offer, ENCODING_NAMES)
    yield from (Offer(model) for model in MODEL_NAMES if word and model.startswith(word))
    yield from offer_paths(word, Paths(endings=TOKENIZER_ENDINGS))


def _splits(line: Line, _word: str) -> Iterable[Offer]:
    """Those of a folder of shards on the line, or the usual ones."""
    from gptprep.pipelines.completion import split_names

    folders = map(real_path, line.values)
    return map(Offer, next(filter(None, map(split_names, folders)), ("train", "val")))


def _weights(_line: Line, word: str) -> Iterator[Offer]:
    return offer_paths(word, _WEIGHTS)


_BY_KEY: dict[str, Callable[[Line, str], Iterable[Offer]]] = {
    "tokenizer": _tokenizers,
    "split": _splits,
    "weights": _weights,
    "encoding": lambda *_: map(Offer, ENCODINGS),
    "device": lambda *_: map(Offer, DEVICES),
}
"""The values of options that are no choices and no files, or only some files."""
