"""How well documents are read: cases with their truth, and a run that says so."""
