"""What is compared: huiyan as a user runs it, and its peers, each in an environment of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.gateway.processes import Launch, free_port

#: Versions that the last published table was made with; `--peer-version NAME=VERSION` takes others.
PACKAGES = {
    "vllm-router": "vllm-router==0.1.17",
    "sglang-router": "sglang-router==0.3.2",
    "litellm": "litellm[proxy]==1.106.2",
}
KEY = "sk-bench-0123456789abcdef"

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 8192; }}
http {{
  access_log {folder}/nginx-access.log;
  client_body_temp_path {folder}/nginx-body; proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-f; uwsgi_temp_path {folder}/nginx-u; scgi_temp_path {folder}/nginx-s;
  client_max_body_size 0; keepalive_requests 100000000; tcp_nodelay on;
  upstream engine {{ server 127.0.0.1:{engine_port}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location = /health {{ return 200; }}
    location / {{
      if ($http_authorization != "Bearer {key}") {{ return 401; }}
      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
"""

_LITELLM = """
model_list:
  - model_name: bench
    litellm_params: {{model: openai/bench, api_base: "http://127.0.0.1:{engine_port}/v1", api_key: none}}
general_settings: {{master_key: {key}}}
litellm_settings: {{telemetry: false}}
"""


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "huiyan" / "bench"


def install(name: str, requirement: str) -> Path:
    """The environment with a peer in it, made once. Needs uv."""
    folder = cache_folder() / name
    stamp = folder / "bench-requirement"
    if stamp.exists() and stamp.read_text() == requirement:
        return folder
    print(f"Installing {requirement} into {folder}", file=sys.stderr)
    subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, requirement], check=True)
    stamp.write_text(requirement)
    return folder


def _nginx(engine_port: int, folder: Path, _: str) -> Launch:
    command = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if command is None:
        raise SystemExit(
            "nginx is not there. Install it: apt-get install -y --no-install-recommends nginx-light"
        )
    port = free_port()
    path = folder / "nginx.conf"
    path.write_text(_NGINX.format(folder=folder, port=port, engine_port=engine_port, key=KEY))
    return Launch("nginx", [command, "-p", str(folder), "-c", str(path)], port, KEY)


def _router(name: str, *words: str) -> Callable[[int, Path, str], Launch]:
    def launch(engine_port: int, folder: Path, requirement: str) -> Launch:
        environment = install(name, requirement)
        port = free_port()
        command = [
            str(environment / "bin" / name),
            *words,
            *(["--host", "127.0.0.1", "--port", str(port)]),
            *(["--worker-urls", f"http://127.0.0.1:{engine_port}"]),
            *(["--policy", "round_robin", "--api-key", KEY]),
            *(["--prometheus-port", str(free_port()), "--prometheus-host", "127.0.0.1"]),
            *(["--max-concurrent-requests", "4096", "--log-level", "error"]),
        ]
        return Launch(name, command, port, KEY)

    return launch


def _litellm(engine_port: int, folder: Path, requirement: str) -> Launch:
    environment = install("litellm", requirement)
    port = free_port()
    path = folder / "litellm.yaml"
    path.write_text(_LITELLM.format(engine_port=engine_port, key=KEY))
    command = [str(environment / "bin" / "litellm"), "--config", str(path)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    # Without this it asks the network for a price list at each start.
    variables = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    return Launch("litellm", command, port, KEY, "/health/liveliness", variables)


def _huiyan(engine_port: int, folder: Path, extra: str) -> Launch:
    port = free_port()
    data = folder / "huiyan-data"
    program = [sys.executable, "-m", "huiyan"]
    key = _huiyan_key(program, data)
    command = [*program, "serve", "--engine-url", f"http://127.0.0.1:{engine_port}", "--model", "bench"]
    # So many that the 4 MiB of text fit for certain: else they were sent to the engine's tokenizer first.
    command += ["--context-tokens", str(16 * 1024 * 1024)]
    command += ["--port", str(port), "--data-dir", str(data), "--json", *extra.split()]
    # Not /health: that answers before the keys are read.
    # As many at once as the peers are allowed: 1,000 idle streams are more than one engine's default share.
    variables = {"HUIYAN_GATEWAY__TRAFFIC__MAX_RUNNING": "4096"}
    return Launch("huiyan", command, port, key, "/v1/models", variables)


def _huiyan_key(program: list[str], data: Path) -> str:
    """A key of its own where this huiyan has keys: they must cost what they cost."""
    made = subprocess.run(
        [*program, "keys", "create", "bench", "--data-dir", str(data), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    secret = re.search(r"hy-[A-Za-z0-9_-]+", made.stdout)
    return secret[0] if made.returncode == 0 and secret else KEY


LAUNCHERS: dict[str, Callable[[int, Path, str], Launch]] = {
    "nginx": _nginx,
    "huiyan": _huiyan,
    "vllm-router": _router("vllm-router"),
    "sglang-router": _router("sglang-router", "launch"),
    "litellm": _litellm,
}
