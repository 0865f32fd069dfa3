"""`python -m huiyan_table_ocr`: the server, on standard input and output."""

from huiyan_table_ocr.server import main

if __name__ == "__main__":
    main()
