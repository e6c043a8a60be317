"""How fast gptprep is beside others, on the same text in the same run: `python -m benchmarks --help`."""
