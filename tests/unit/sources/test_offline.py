from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from huiyan.errors import OfflineError
from huiyan.sources.offline import Network, is_loopback
from huiyan.sources.proxies import Proxies

ROOT = Path(__file__).parents[3]

#: Pulls with every kind of remote source. Any look-up of a name ends the process with 97.
PROGRAM = """
import json, os, socket, sys
from pathlib import Path

def refuse(*args, **kwargs):
    os._exit(97)

socket.getaddrinfo = socket.gethostbyname = refuse
from huiyan.errors import HuiyanError
from huiyan.sources.choose import choose
from huiyan.sources.offline import Network
from huiyan.sources.options import StoreOptions
from huiyan.sources.pull import Wish, pull
from huiyan.sources.transfer import Transfer, TransferOptions
from huiyan.store.snapshots import Store

network = Network(offline=sys.argv[2] == "offline")
found = []
for hub in ("modelscope", "huggingface", "https://mirror.example/m", "huiyan+http://machine.example"):
    try:
        pull(
            Store(Path(sys.argv[1])),
            choose(hub, StoreOptions.model_validate({}), network),
            Wish(model_id="Qwen/Qwen3-VL-8B-Instruct"),
            transfer=Transfer(TransferOptions(), network),
        )
    except HuiyanError as error:
        found.append([error.code, error.message])
print(json.dumps(found))
"""


def run(directory: Path, mode: str, *before: str) -> list[list[str]]:
    done = subprocess.run(
        [*before, sys.executable, "-c", PROGRAM, str(directory), mode],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin", "HOME": str(directory)},
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    found: list[list[str]] = json.loads(done.stdout)
    return found


def can_unshare() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


def test_offline_is_refused_before_any_lookup(tmp_path: Path) -> None:
    found = run(tmp_path, "offline")
    assert [code for code, _ in found] == ["offline"] * 4


@pytest.mark.skipif(not can_unshare(), reason="needs a network namespace")
def test_no_network_at_all_behaves_like_offline(tmp_path: Path) -> None:
    assert run(tmp_path, "online", "unshare", "-rn") == run(tmp_path, "offline")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_this_machine_can_be_reached_without_a_network_but_not_offline() -> None:
    Network(probe=lambda: False).require("http://127.0.0.1:9000/x")
    Network(probe=lambda: False).require("http://[::1]:9000/x")
    with pytest.raises(OfflineError):
        Network(offline=True).require("http://127.0.0.1:9000/x")


def test_a_proxy_on_this_machine_is_a_way_out() -> None:
    alone = Network(probe=lambda: False, proxies=Proxies(https="http://127.0.0.1:3128"))
    alone.require("https://modelscope.cn")
    with pytest.raises(OfflineError):
        alone.require("http://modelscope.cn")


def test_the_heavy_clients_are_not_imported_by_what_serves() -> None:
    program = (
        "import sys, huiyan.app, huiyan.gateway.run, huiyan.settings.load, huiyan.sources.choose\n"
        "print([n for n in ('modelscope_hub', 'huggingface_hub', 'requests', 'httpx2') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert done.stdout.strip() == "[]"
