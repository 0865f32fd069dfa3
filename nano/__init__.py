"""How nano, the built-in demo model, was made: drawn pictures, training, export, evaluation.

See README.md. Nothing here is part of the huiyan package; run it from the repository's root,
for example `python -m nano.train`.
"""
