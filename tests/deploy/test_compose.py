"""deploy/compose: a valid file, one published port, secrets as files; and its commands, run for real."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from huiyan.settings.load import variable_names
from tests.deploy.conftest import ROOT, Tool
from tests.support.wait import wait_until

COMPOSE = ROOT / "deploy" / "compose"
FILES = ("compose.yaml", "compose.cuda.yaml", "compose.grafana.yaml")
OWN = ("gateway", "engine")

Json = dict[str, Any]


def read(name: str) -> Json:
    found: Json = yaml.safe_load((COMPOSE / name).read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", FILES)
def test_it_fits_the_compose_specification(tool: Tool, name: str) -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_finds_what_is_wrong(tool: Tool, tmp_path: Path) -> None:
    wrong = read("compose.yaml")
    wrong["services"]["gateway"]["read_onyl"] = True
    path = tmp_path / "compose.yaml"
    path.write_text(json.dumps(wrong), "utf-8")
    assert tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", path).returncode != 0


def test_only_the_gateway_is_published_and_on_this_machine() -> None:
    services = read("compose.yaml")["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["gateway"]
    assert services["gateway"]["ports"] == ["${HUIYAN_BIND:-127.0.0.1}:${HUIYAN_PORT:-8000}:8000"]
    networks = read("compose.yaml")["networks"]
    outside = {name for name, network in networks.items() if not (network or {}).get("internal")}
    assert outside == {"front", "hubs"}
    for name, service in services.items():
        reached = set(service["networks"]) & outside
        assert reached == {"gateway": {"front"}, "engine": {"hubs"}}.get(name, set()), name


@pytest.mark.parametrize("name", sorted(read("compose.yaml")["services"]))
def test_every_service_is_confined(name: str) -> None:
    service = read("compose.yaml")["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"]), "an exact tag"
    # huiyan's image has its own user and health check.
    if name not in OWN:
        assert int(service["user"].split(":")[0]) > 0
        assert service["healthcheck"]["test"]


def test_secrets_are_files_that_the_script_makes(tmp_path: Path) -> None:
    compose = read("compose.yaml")
    folder = tmp_path / "secrets"
    make = [COMPOSE / "make-secrets.sh", folder]
    subprocess.run(make, check=True, timeout=60)
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name, secret in compose["secrets"].items():
        assert secret["file"] == f"./secrets/{name}"
        assert made[name].strip()
    assert folder.stat().st_mode & 0o777 == 0o700
    access = tomllib.loads(made["huiyan.toml"].decode())["gateway"]["access"]
    assert access["database_url"].endswith("@postgres/huiyan")
    assert access["limits_url"].endswith("@valkey:6379/0")
    assert made["postgres-password"].decode().strip() in access["database_url"]
    assert made["valkey.conf"].decode().splitlines()[0].split()[1] in access["limits_url"]
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    # Variables name files; and a second run changes nothing.
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert ("KEY" in name or "PASSWORD" in name) == value.startswith("/run/secrets/"), name
    subprocess.run(make, check=True, timeout=60)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == made


def test_settings_in_it_exist() -> None:
    for service in OWN:
        variables = read("compose.yaml")["services"][service]["environment"]
        assert set(variables) <= set(variable_names())


def test_prometheus_scrapes_the_gateway_with_the_key() -> None:
    found = read("prometheus.yml")
    assert set(found) == {"global", "scrape_configs"}
    jobs = {job["job_name"]: job for job in found["scrape_configs"]}
    for job in jobs.values():
        assert set(job) <= {"job_name", "metrics_path", "authorization", "static_configs"}
        for group in job["static_configs"]:
            assert all(re.fullmatch(r"[a-z0-9.]+:\d+", target) for target in group["targets"])
    compose = read("compose.yaml")["services"]
    (target,) = jobs["huiyan"]["static_configs"][0]["targets"]
    host, port = target.split(":")
    assert f"--port={port}" in compose[host]["command"]
    key = Path(jobs["huiyan"]["authorization"]["credentials_file"])
    assert key.name in compose["prometheus"]["secrets"]
    shared = set(compose["prometheus"]["networks"]) & set(compose[host]["networks"])
    assert shared


def test_grafana_is_given_its_source_and_the_dashboard() -> None:
    grafana = read("compose.yaml")["services"]["grafana"]
    mounted = {}
    for volume in grafana["volumes"]:
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            assert (COMPOSE / source).resolve().is_file(), source
            assert mode == ["ro"]
            mounted[target] = (COMPOSE / source).resolve()
    (source,) = read("grafana/datasources.yaml")["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    (provider,) = read("grafana/dashboards.yaml")["providers"]
    boards = [path for target, path in mounted.items() if target.startswith(provider["options"]["path"])]
    assert boards == [ROOT / "deploy" / "grafana" / "huiyan.json"]


def test_every_query_of_the_dashboard_is_promql(program: Callable[[str, object], Any]) -> None:
    """That each name in it exists is tests/unit/packaging/test_dashboard.py's."""
    board = json.loads((ROOT / "deploy" / "grafana" / "huiyan.json").read_text("utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    asked = [expression.replace("$__rate_interval", "1m").replace("$__range", "1h") for expression in asked]
    assert len(asked) > 20
    *answers, wrong = program("promql.py", [*asked, "rate(huiyan_requests_total[1m]"])
    assert answers == [None] * len(asked)
    assert wrong is not None


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    subprocess.run([COMPOSE / "make-secrets.sh", tmp_path / "secrets"], check=True, timeout=60)
    # One gateway, with a file: what runs PostgreSQL and Valkey for real is tests/unit/state.
    (tmp_path / "secrets" / "huiyan.toml").write_text("[gateway]\n", "utf-8")
    return tmp_path / "secrets"


class Running:
    """A service's command as a process of this machine: other paths, other ports, the same words."""

    def __init__(self, name: str, tmp_path: Path, secrets: Path, replaced: dict[str, str]) -> None:
        service = read("compose.yaml")["services"][name]

        def here(word: str) -> str:
            word = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", word).replace("/run/secrets", str(secrets))
            return replaced.get(word, word).replace("http://engine:8000", replaced.get("engine", ""))

        kept = {each: value for each, value in os.environ.items() if not each.startswith("HUIYAN_")}
        variables = {each: here(value) for each, value in service["environment"].items()}
        self.log = tmp_path / f"{name}.log"
        with self.log.open("wb") as log:
            words = [*map(here, service["command"]), "--json", "--data-dir", str(tmp_path / name)]
            self.process = subprocess.Popen(
                [sys.executable, "-m", "huiyan", *words],
                env={**kept, **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def event(self, kind: str) -> Json:
        """The first of this kind that it told, within two minutes."""
        found: list[Json] = []

        def told() -> bool:
            assert self.process.poll() is None, self.log.read_text("utf-8")
            lines = [line for line in self.log.read_text("utf-8").splitlines() if line.startswith("{")]
            found.extend(event for line in lines if (event := json.loads(line)).get("event") == kind)
            return bool(found)

        wait_until(told, f"{kind} in {self.log.name}", 120)
        return found[0]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def started(tmp_path: Path, secrets: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(name: str, **replaced: str) -> Running:
        running.append(Running(name, tmp_path, secrets, {"--port=8000": "--port=0", **replaced}))
        return running[-1]

    yield start
    for each in reversed(running):
        each.end()


def ask(port: int, path: str, key: str, body: object = None) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.status, answer.read()


def port_of(event: Json) -> int:
    found = re.search(r":(\d+)/?$", event["url"])
    assert found is not None
    return int(found[1])


def test_the_commands_of_gateway_and_engine_answer_together(
    started: Callable[..., Running], secrets: Path
) -> None:
    engine = port_of(started("engine").event("ready"))
    gateway = started("gateway", engine=f"http://127.0.0.1:{engine}")
    port = port_of(gateway.event("serving"))
    key = (secrets / "admin-key").read_text("utf-8").strip()
    health = [sys.executable, str(ROOT / "deploy" / "container" / "health.py")]
    wait_until(
        lambda: (
            subprocess.run(
                [*health, "ready"], env={"HUIYAN_GATEWAY__PORT": str(port)}, timeout=60, check=False
            ).returncode
            == 0
        ),
        "ready",
        60,
    )
    question = {"model": "nano", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 16}
    status, answer = ask(port, "/v1/chat/completions", key, question)
    assert status == 200
    assert json.loads(answer)["choices"][0]["message"]["content"].strip()
    assert b"huiyan_requests_total" in ask(port, "/metrics", key)[1]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(port, "/v1/models", (secrets / "engine-key").read_text("utf-8").strip())
    log = gateway.log.read_text("utf-8")
    assert "first_key" not in log
    assert key not in log
