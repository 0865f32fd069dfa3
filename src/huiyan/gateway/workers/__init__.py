"""Several gateway processes on one port: docs/decisions/0007-several-workers.md."""
