"""`gptprep verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from gptprep.cli.shell import Shell, verb


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "verify", help=_HELP)(_verify)


_HELP = """Prove that a folder of shards or embeddings is whole.

Every file is compared with the manifest (size, shape, dtype, sha256), the targets with the inputs, and each
window with the one before it. Exit code 3 and the place where something does not hold.
"""


def _verify(
    shell: Shell,
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="A folder that `gptprep window` or `gptprep embed` wrote.")
    ],
    fast: Annotated[
        bool, typer.Option("--fast", help="Leave out the sha256 of each file.", show_default=False)
    ] = False,
) -> None:
    from gptprep.cli import render
    from gptprep.pipelines.verify import require_whole, verify_folder

    with shell.progress() as progress:
        report = verify_folder(folder, fast=fast, progress=progress)
    if shell.json:
        shell.write_json(report)
    else:
        shell.say(*render.verify(report, progress.seconds))
    require_whole(report)
