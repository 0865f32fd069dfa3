"""`python -m huiyan_pdf_parser`: the server, on standard input and output."""

from huiyan_pdf_parser.server import main

if __name__ == "__main__":
    main()
