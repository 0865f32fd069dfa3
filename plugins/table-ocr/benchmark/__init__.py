"""How well tables are read: cases with their truth, the scores, and how the cases were made."""
