"""Serve a GGUF pair with xllamacpp (llama.cpp's own HTTP server in a Python wheel), on the CPU.

python -m nano.serve nano.gguf nano-mmproj.gguf --port 8110
"""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path

#: What the model was trained on; more visual tokens ruin its answers.
FEWEST_IMAGE_TOKENS, MOST_IMAGE_TOKENS = 64, 256
CONTEXT_TOKENS = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("mmproj", type=Path)
    parser.add_argument("--port", type=int, default=8110)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    import xllamacpp

    begin = time.monotonic()
    params = xllamacpp.CommonParams()
    params.model.path, params.mmproj.path = str(arguments.model), str(arguments.mmproj)
    params.hostnames, params.port = ["127.0.0.1"], arguments.port
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = arguments.threads
    params.n_ctx, params.n_parallel = CONTEXT_TOKENS, 1
    params.image_min_tokens, params.image_max_tokens = FEWEST_IMAGE_TOKENS, MOST_IMAGE_TOKENS
    params.use_jinja = True
    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, f"after {time.monotonic() - begin:.2f} s", flush=True)
    threading.Event().wait()  # the server runs in threads of its own


if __name__ == "__main__":
    main()
