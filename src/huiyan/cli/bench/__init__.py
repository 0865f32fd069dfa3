"""`huiyan bench`: how fast the running engine answers about pictures, for one user and for many."""
