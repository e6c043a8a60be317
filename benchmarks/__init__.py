"""gptprep measured beside other tools, on the same text in one run: `python -m benchmarks --help`."""
