"""The tests of gptprep; `python -m tests` runs every check."""
