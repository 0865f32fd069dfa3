"""From characters to blocks in reading order."""
