"""PDFs as Markdown and structured blocks: an MCP server."""

__version__ = "0.1.0"
