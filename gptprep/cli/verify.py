"""`gptprep verify`."""

from typing import Annotated

import typer

from gptprep.cli.options import flag
from gptprep.cli.streams import Streams

_FOLDER = "Folder of `gptprep window` or `embed`, or .npy or .bin file of `gptprep encode`."


def command(
    streams: Streams,
    folder: Annotated[str, typer.Argument(metavar="DIR|FILE", help=_FOLDER)],
    fast: Annotated[bool, flag("--fast", "Do not compare the sha256 of each file.")] = False,
) -> None:
    """Check that a folder of shards or embeddings, or a file of ids, is intact.

    Every file is compared with the manifest (size, shape, dtype, sha256), the targets with the inputs, and
    each window with the one before it; a file of ids is compared with the .json beside it. If something is
    wrong, the exit code is 3 and the place is shown.

    Examples:
        gptprep verify shards
        gptprep verify shards --fast
        gptprep verify train.bin
    """
    from gptprep.cli.render import folders
    from gptprep.pipelines import verify

    plan = verify.plan(verify.VerifyOptions(folder, fast))
    verify.require_intact(streams.carry_out(verify.run, plan, folders.verified))
