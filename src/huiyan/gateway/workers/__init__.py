"""Several gateway processes on one port: docs/decisions/0008-several-workers.md."""
