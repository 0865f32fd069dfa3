"""Pictures of a request: where they stand, how they are read, checked, kept, and handed to the engine.

    prepare ──> sources (data:, attachment://, sha256:, https) ──> pool (processes that decode) ──> assemble

Only `intake`, `color` and `decoder` import Pillow, and they run in the pool's processes: the gateway's own
process never decodes a stranger's file.
"""
