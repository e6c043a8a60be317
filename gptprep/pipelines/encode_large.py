"""`encode` of large inputs to one file of numbers: workers write parts, which are put together at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gptprep.corpus import Source
from gptprep.executors.local import chosen_workers
from gptprep.files import require_free_space
from gptprep.pipelines.parts import KEPT, EncodedCorpus, encode_parts, parts_kept, plan_tasks
from gptprep.pipelines.progress import Progress
from gptprep.publishing import publish_file, working_folder
from gptprep.tokenizers import Tokenizer
from gptprep.tokenstore import id_dtype, write_ids

if TYPE_CHECKING:
    from gptprep.pipelines.encode import EncodeOptions, Format


def encode_large(
    options: EncodeOptions,
    output: str,
    form: Format,
    sources: Sequence[Source],
    tokenizer: Tokenizer,
    progress: Progress,
) -> EncodedCorpus:
    """Write the ids of all sources to `output`, as `.npy` or raw.

    Raises:
        WrongUsage: fewer than one worker.
        GptprepError: an input or the output cannot be used; nothing is left at the output's name.
        DamagedData: an input is not what its format says.
    """
    workers, dtype = chosen_workers(options.workers), id_dtype(tokenizer.n_vocab)
    with (
        working_folder(output, keep=KEPT) as folder,
        parts_kept(os.path.join(folder, KEPT)) as parts,
    ):
        tasks = plan_tasks(sources, parts, tokenizer, options)
        encoded = encode_parts(sources, tasks, tokenizer, workers, progress)
        require_free_space(output, encoded.stream_ids * dtype.itemsize)
        with publish_file(output, force=options.force) as file:
            write_ids(file, encoded.stream(encoded.stream_ids), npy_header=form == "npy")
    return encoded
