"""The gateway: the only part that clients reach. docs/concepts/processes.md shows where it stands."""
