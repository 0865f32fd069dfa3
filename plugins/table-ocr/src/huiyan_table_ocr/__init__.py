"""Tables in pictures, as an MCP server: Markdown, HTML, CSV, XLSX, and a box for every cell."""

__version__ = "0.1.0"
