"""Every route that is not on the hot path, one module a concern."""
