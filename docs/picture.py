"""Renders docs/inspect.svg, the README's picture, from the tool itself: `python -m docs.picture`."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from gptprep.cli.render import tokens as render
from gptprep.pipelines.inspect.text import tokenize
from gptprep.tokenizers import load_tokenizer

TEXT = "It's 12,345 naïve tokenizers: 你好 🙂 <|endoftext|> Next"
WIDTH = 80
PICTURE = Path(__file__).parent / "inspect.svg"
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Without rich's links to fonts elsewhere: the viewer's own monospace font will do."""


def picture() -> str:
    """The SVG."""
    console = Console(
        record=True, file=io.StringIO(), width=WIDTH, force_terminal=True, color_system="truecolor"
    )
    console.print(Text.assemble(("$ ", "bold green"), f'gptprep inspect -t "{TEXT}"\n'), soft_wrap=True)
    report = tokenize(TEXT.encode(), load_tokenizer("gpt2"))
    for line in render.tokens(report, WIDTH):
        console.print(line, soft_wrap=True)
    return console.export_svg(title="gptprep", code_format=_FORMAT, unique_id="inspect")


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
