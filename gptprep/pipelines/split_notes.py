"""Notes about splits and windows that may surprise, before and after the work."""

import os
from collections.abc import Iterator, Sequence

from gptprep.corpus.sources import Source
from gptprep.corpus.text_options import TextOptions
from gptprep.shards.manifest import Manifest, SourceRecord
from gptprep.windows.document_split import goes_to_val
from gptprep.windows.spec import WindowSpec

_FEW = 100
"""Documents that are few enough to say in which split each is."""


def of_inputs(train: Sequence[Source], kept: Sequence[Source], val: Sequence[Source]) -> Iterator[str]:
    """What one may not expect of val inputs.

    Args:
        train: what the inputs name.
        kept: those of them that are not val inputs.
    """
    if left_out := len(train) - len(kept):
        are = "is" if left_out == 1 else "are"
        yield f"{left_out:,} of the {len(train):,} input files {are} in --val, and so not in train"
    folders = {os.path.dirname(source.path) for source in val}
    beside = [source.path for source in kept if os.path.dirname(source.path) in folders]
    if len(val) == 1 and 0 < len(beside) < len(kept):
        shown = ", ".join(beside[:3]) + (", ..." if len(beside) > 3 else "")
        what = f"{shown} {'is' if len(beside) == 1 else 'are'} beside the val file {val[0].path} and in train"
        yield f"{what}; a pattern after --val needs quotes"


def before(sources: Sequence[Source], text: TextOptions, spec: WindowSpec) -> Iterator[str]:
    """What the splits get, where it is known before reading: each file is a document, and there are few."""
    is_known = all(source.kind == "text" for source in sources) and text.separator is None
    if not spec.splits_by_document or not is_known or len(sources) > _FEW:
        return
    is_val = goes_to_val(0, len(sources), spec)
    names = [source.name for source, val in zip(sources, is_val, strict=True) if val]
    others = "another --seed gives others, and --val names them"
    if not names or len(names) == len(sources):
        split = "val" if not names else "train"
        yield f"{split} gets none of the {len(sources):,} files with --seed {spec.seed}: {others}"
    else:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        yield f"val gets {len(names):,} of {len(sources):,} files: {shown}; {others}"


def after(manifest: Manifest, spec: WindowSpec) -> Iterator[str]:
    """What was left out, and a split that comes from one source of several."""
    gaps = sum(split.dropped_gaps for split in manifest.splits.values())
    if gaps:
        why = f"the stride {spec.step:,} is larger than the context length {spec.context_length:,}"
        yield f"{gaps:,} ids between windows are in no window, because {why}"
    if not spec.fraction or spec.splits_by_document or len(manifest.sources) < 2:
        return
    for name in ("val", "train"):
        paths = [source.path for source in manifest.sources if _has_windows(source, name)]
        if len(paths) == 1:
            one = f"{name} comes from only one of {len(manifest.sources):,} inputs, {paths[0]}"
            yield f"{one}; --split-by document chooses documents from all of them, --val names its inputs"


def _has_windows(source: SourceRecord, split: str) -> bool:
    """Whether a source gives a split more than the end of another window."""
    return split in source.splits and source.splits[split].windows > 0
