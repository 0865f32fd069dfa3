"""Tools are MCP servers in environments of their own: run by one host process, never imported."""
