"""Where things are in the repository."""

from pathlib import Path

TOP = Path(__file__).parents[2]
PACKAGE = TOP / "gptprep"
SAMPLES = TOP / "sample_texts"
GOLDEN = TOP / "tests" / "golden"
RANKS = PACKAGE / "tokenizers" / "data" / "r50k_base.tiktoken"
