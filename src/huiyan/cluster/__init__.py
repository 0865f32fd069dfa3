"""Engines on several machines through Ray Serve: its environment, its nodes, what is deployed on them."""
