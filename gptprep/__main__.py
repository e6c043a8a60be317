"""`python -m gptprep`."""

from gptprep.cli import main

if __name__ == "__main__":
    main()
