"""The document as pdfium shows it: characters, drawn lines, pictures."""
