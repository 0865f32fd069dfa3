"""What huiyan's gateway costs beside others: `python -m bench.gateway --help`."""
