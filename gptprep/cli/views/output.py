"""Where what `inspect` shows goes: to standard output, or into a report page and a picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from gptprep.cli.streams import Streams
from gptprep.cli.terminal import columns, rows
from gptprep.errors import GptprepError, UsageError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from rich.console import RenderableType

_PICTURE_ROWS = 40
"""Of a picture, where there is no terminal."""


class Output:
    """The terminal, or the files that are written instead.

    Args:
        html: the page; None for none, `-` for standard output.
        svg: the picture, likewise.
        force: whether existing files are replaced.
    """

    def __init__(self, streams: Streams, html: str | None, svg: str | None, *, force: bool) -> None:
        self._streams, self._html, self._svg, self._force = streams, html, svg, force
        self._lines: list[RenderableType] = []
        self._cards: list[Element] = []

    @property
    def is_terminal(self) -> bool:
        """Whether nothing is written but what is shown."""
        return self._html is None and self._svg is None

    @property
    def is_page(self) -> bool:
        """Whether a page is written, which has room for everything."""
        return self._html is not None

    def rows(self) -> int | None:
        """How many lines there are for the start of a text; None for as many as there are."""
        return rows() if self._svg is None else rows() or _PICTURE_ROWS

    def check(self, reads: Sequence[str]) -> None:
        """Check before the work that the files can be written.

        Args:
            reads: the files that the run reads, and folders that hold nothing but what their manifest names.

        Raises:
            UsageError: two outputs are for one place, or `--force` has no effect.
            GptprepError: a file exists, is one of those that are read, or would be in one of the folders.
        """
        if self.is_terminal:
            if self._force:
                raise UsageError("--force has no effect without --html or --svg", fix="leave out --force")
            return
        from gptprep.storage.publish import check_file_output

        given = [path for path in (self._html, self._svg) if path is not None]
        if self._streams.json:
            option = "--html" if self.is_page else "--svg"
            raise UsageError(f"--json and {option} exclude each other", fix="give one of them at a time")
        if len({os.path.abspath(path) for path in given}) < len(given):
            raise UsageError("--html and --svg name the same file", fix="give them different names")
        folders = [path for path in reads if os.path.isdir(path)]
        for path in (path for path in given if path != "-"):
            real = check_file_output(path, force=self._force, inputs=reads)
            for folder in folders:
                if os.path.commonpath([real, os.path.realpath(folder)]) == os.path.realpath(folder):
                    why = "verify would call it damaged: it holds nothing but what its manifest names"
                    raise GptprepError(f"{path} is in {folder}", why, f"name a file that is not in {folder}")

    def show(
        self,
        lines: Callable[[int], Iterable[RenderableType]],
        cards: Callable[[], Iterable[Element]],
    ) -> None:
        """Show something now, or keep it for the files.

        Args:
            lines: what a terminal with a number of columns shows.
            cards: what a page shows.
        """
        if self.is_terminal:
            self._streams.show(*lines(columns()))
            return
        if self._svg is not None:
            self._lines += lines(columns())
        if self._html is not None:
            self._cards += cards()

    def publish(self, title: str, kind: str) -> None:
        """Write the files, if any are wanted.

        Args:
            title: what is shown, as the user named it.
            kind: what it is.

        Raises:
            GptprepError: a file cannot be written.
        """
        if self._html is not None:
            from gptprep.cli.page.document import page

            self._write(self._html, page(title, kind, self._cards))
        if self._svg is not None:
            from gptprep.cli.page.picture import picture

            shown = picture(self._lines, columns(), f"gptprep inspect {title}")
            self._write(self._svg, shown.encode())

    def _write(self, path: str, data: bytes) -> None:
        from gptprep.cli.numbers import size
        from gptprep.cli.render.common import done
        from gptprep.storage.publish import publish_file

        if path == "-":
            self._streams.data.write(data)
            self._streams.data.flush()
            return
        with publish_file(path, force=self._force) as file:
            file.write(data)
        self._streams.say(done(f"{path}: {size(len(data))} written"))
