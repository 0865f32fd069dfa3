"""Model files by digest."""
