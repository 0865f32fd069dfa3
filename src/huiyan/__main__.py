"""`python -m huiyan` is the command `huiyan`."""

from huiyan.cli import main

if __name__ == "__main__":
    main()
