"""The process that runs llama.cpp's server: `python -m huiyan.engines.llama_cpp_child --lifeline-fd N`.

A process of its own, because a GGML_ASSERT aborts whatever it happens in. The boot message brings
every setting and the key. The process ends when its lifeline does.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import resource
import select
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import msgspec

from huiyan.lifeline import ThreadLifeline

#: llama.cpp answers /health while every slot is busy; these are for that, beyond one thread a slot.
_SPARE_HTTP_THREADS = 4


class Boot(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="boot", forbid_unknown_fields=True
):
    """Everything the server is started with. context_tokens: of each slot. api_key: secret."""

    model_path: str
    mmproj_path: str
    host: str
    port: int
    api_key: Annotated[str, msgspec.Meta(min_length=16)]
    alias: str
    context_tokens: int
    slots: int = 1
    threads: int = 1
    image_min_tokens: int
    image_max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    presence_penalty: float = 0.0
    prompt_cache_mib: int = 512
    chat_template: str = ""

    def __repr__(self) -> str:
        return f"Boot({self.alias} at {self.host}:{self.port})"


def server_params(boot: Boot) -> Any:
    """`boot` as xllamacpp's CommonParams: closed to everybody who does not have the key."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.mmproj.path = boot.model_path, boot.mmproj_path
    params.model_alias = {boot.alias}
    params.offline = True

    params.hostnames, params.port = [boot.host], boot.port
    # The launcher keeps the port reserved by a bound socket that never listens (see launcher/ports.py).
    params.reuse_port = True
    params.api_keys = [boot.api_key]
    # Set but empty: no page of any origin may read an answer.
    params.cors_origins, params.cors_origins_explicit = "", True
    params.cors_methods = params.cors_headers = ""
    params.cors_credentials = False
    params.ui = params.ui_mcp_proxy = False
    params.endpoint_slots = params.endpoint_props = False
    params.endpoint_metrics = True
    params.n_threads_http = boot.slots + _SPARE_HTTP_THREADS

    params.n_ctx, params.n_parallel = boot.context_tokens * boot.slots, boot.slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = boot.threads
    params.image_min_tokens, params.image_max_tokens = boot.image_min_tokens, boot.image_max_tokens
    params.cache_ram_mib = boot.prompt_cache_mib
    # The context was chosen by the launcher; shrinking it unseen would break what the page was told.
    params.fit_params = params.ctx_shift = False

    params.use_jinja = params.prefill_assistant = True
    if boot.chat_template:
        params.chat_template = boot.chat_template
    sampling = params.sampling
    sampling.temp, sampling.top_p, sampling.top_k = boot.temperature, boot.top_p, boot.top_k
    sampling.penalty_present = boot.presence_penalty
    sampling.min_p = 0.0
    return params


def end_with(fd: int) -> None:
    """End this process at the end of stream on `fd`, whatever it is doing then.

    Nothing is sent to this process after its boot message; a message would end it, too.
    """

    def end_when_over(timeout_ms: int | None) -> None:
        # Not recv: Linux sends no SIGIO for a socket that somebody is reading.
        poll = select.poll()
        poll.register(fd, select.POLLIN | select.POLLHUP)
        if poll.poll(timeout_ms):
            os._exit(0)

    if sys.platform.startswith("linux"):
        # Loading a model holds Python's lock for as long as it takes, and the thread below with it. A
        # signal with its default action needs no Python. Elsewhere SIGIO also comes when the other side
        # has read, and the thread ends the process after loading.
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
        fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    # It may have ended before the signal was armed.
    end_when_over(0)
    threading.Thread(target=end_when_over, args=(None,), name="lifeline", daemon=True).start()


def failure_of(boot: Boot, error: Exception) -> dict[str, object]:
    """What the launcher is told when the server did not start; llama.cpp's own words are in the log."""
    if isinstance(error, ImportError):
        return {
            "type": "failed",
            "code": "engine_missing",
            "message": f"llama.cpp (the Python package xllamacpp) cannot be used: {error}",
            "hint": "Install it again: pip install --force-reinstall xllamacpp",
        }
    for path in (boot.model_path, boot.mmproj_path):
        if not os.access(path, os.R_OK):
            return {
                "type": "failed",
                "code": "model_file_missing",
                "message": f"The engine cannot read {path}.",
                "hint": "Put the file back, or name another one with --model-path.",
            }
    return {
        "type": "failed",
        "code": "engine_model_rejected",
        "message": f"llama.cpp could not load {Path(boot.model_path).name}: {error}",
        "hint": "The file may be damaged or too new; `huiyan logs --source engine` has llama.cpp's words.",
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="llama.cpp's server, for huiyan's launcher")
    parser.add_argument("--lifeline-fd", type=int, required=True)
    fd = parser.parse_args(argv).lifeline_fd
    # A core dump would hold the whole model.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lifeline = ThreadLifeline(fd)
    first = lifeline.receive()
    if first is None:
        os._exit(0)
    boot = msgspec.convert(first, type=Boot)
    end_with(fd)
    lifeline.send({"type": "progress", "fraction": 0.0, "detail": f"loading {Path(boot.model_path).name}"})
    try:
        import xllamacpp

        server = xllamacpp.Server(server_params(boot))
    except (RuntimeError, ValueError, OSError, ImportError) as error:
        lifeline.send(failure_of(boot, error))
        os._exit(1)
    port = int(server.listening_address.rpartition(":")[2])
    lifeline.send({"type": "listening", "port": port})
    # llama.cpp serves from its own threads until a signal or the lifeline ends the process.
    threading.Event().wait()


if __name__ == "__main__":
    main()
