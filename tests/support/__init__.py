"""What several suites share: cards to read, a child process to talk to, raw HTTP, waiting."""
