"""Engines: the processes that run a model, and how they are started and watched."""
