"""`python -m gptprep`."""

from gptprep.cli import script

if __name__ == "__main__":
    script()
