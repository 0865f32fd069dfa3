"""`huiyan update` where it is done: components of this installation, one update at a time, a journal."""
