"""How the cases were made."""
