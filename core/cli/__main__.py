"""`python -m core.cli` is `fork-explorer`."""

from core.cli import main

if __name__ == "__main__":
    main()
