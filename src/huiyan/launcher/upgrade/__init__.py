"""Another version of huiyan takes over a running one, in the same process: docs/decisions/0011."""
