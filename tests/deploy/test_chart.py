"""The gateway's chart through Helm: valid objects, confined pods, engines that only the router reaches."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from huiyan.deploy.gateway_values import CHART_NAME, gateway_values
from tests.deploy.conftest import ROOT, Tool

CHART = ROOT / "src" / "huiyan" / "deploy" / "charts" / CHART_NAME
#: The oldest that the chart allows, and the newest that the schemas know.
KUBERNETES = ("1.30.0", "1.37.0")
MODEL = "Qwen/Qwen3-VL-8B-Instruct"

Json = dict[str, Any]
Program = Callable[[str, object], Any]


def values(*, shared: bool, **more: Any) -> Json:
    found = gateway_values(
        model_id=MODEL,
        context_tokens=32768,
        image="registry.example/huiyan:0.1.0",
        engines="vllm",
        secret="huiyan-gateway",
        shared=shared,
    )
    return {**found, **more}


SMALL = values(shared=False)
LARGE = values(
    shared=True,
    trustedProxies=["10.0.0.0/8"],
    serviceMonitor={"enabled": True, "labels": {"release": "prometheus"}},
    networkPolicy={"from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]},
    image={"repository": "huiyan", "tag": "0.1.0", "pullSecrets": ["registry"]},
    tolerations=[{"key": "chat", "operator": "Exists"}],
    nodeSelector={"disk": "ssd"},
    podAnnotations={"team": "shop"},
)
OWN_SECRET = values(
    shared=False,
    secret={"existing": "", "data": {"admin-key": "eA==", "engine-key": "eQ==", "huiyan.toml": "eg=="}},
)
REFUSED: dict[str, tuple[Json, str]] = {
    "two gateways without shared state": ({**SMALL, "replicas": 2}, "sharedState"),
    "a misspelt value": ({**SMALL, "replica": 2}, "replica"),
    "a moving tag": ({**SMALL, "image": {"repository": "huiyan", "tag": "latest"}}, "tag"),
    "no model": ({**SMALL, "model": {"id": "", "contextTokens": 4096}}, "id"),
    "a secret without its keys": ({**SMALL, "secret": {"existing": "", "data": {}}}, "admin-key"),
    "an address with a password": ({**SMALL, "engine": {"url": "http://u:p@vllm:80"}}, "url"),
}


@pytest.fixture(scope="module")
def rendered(program: Program) -> dict[str, Json]:
    wishes = {
        "small": SMALL,
        "large": LARGE,
        "own": OWN_SECRET,
        **{name: bad for name, (bad, _) in REFUSED.items()},
    }
    given = [
        {"chart": str(CHART), "values": wish, "name": "huiyan", "namespace": "chat"}
        for wish in wishes.values()
    ]
    return dict(zip(wishes, program("render.py", given), strict=True))


def one(rendered: Json, kind: str, name: str = "huiyan-gateway") -> Json:
    found = [
        each for each in rendered["documents"] if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    assert len(found) == 1, f"{kind} {name}"
    return found[0]  # type: ignore[no-any-return]  # JSON


@pytest.mark.parametrize("name", ["small", "large", "own"])
def test_helm_has_no_complaint(rendered: dict[str, Json], name: str) -> None:
    assert rendered[name].get("error") is None
    assert rendered[name]["complaints"] == []
    assert "huiyan-gateway.chat.svc" in rendered[name]["notes"]


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_valid(rendered: dict[str, Json], tool: Tool, tmp_path: Path, version: str) -> None:
    documents = [each for name in ("small", "large", "own") for each in rendered[name]["documents"]]
    files = []
    for number, document in enumerate(documents):
        if document["kind"] != "ServiceMonitor":
            path = tmp_path / f"{number}.yaml"
            path.write_text(json.dumps(document), "utf-8")
            files.append(path)
    done = tool("kubernetes-validate", "--strict", "-k", version, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("passed for resource") == len(files)
    # The checker itself finds what is wrong.
    wrong = copy.deepcopy(one(rendered["small"], "Deployment"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readinessProb"] = {}
    path = tmp_path / "wrong.yaml"
    path.write_text(json.dumps(wrong), "utf-8")
    assert tool("kubernetes-validate", "--strict", "-k", version, path).returncode != 0


def test_the_service_monitor_fits_the_operators_schema(rendered: dict[str, Json], program: Program) -> None:
    found = one(rendered["large"], "ServiceMonitor")
    misspelt = copy.deepcopy(found)
    misspelt["spec"]["endpoints"][0]["intervall"] = "30s"
    wrong = copy.deepcopy(found)
    wrong["spec"]["endpoints"][0]["interval"] = "half a minute"
    answers = program("service_monitor.py", [found, misspelt, wrong])
    assert answers[0] is None
    assert None not in answers[1:]
    endpoint = found["spec"]["endpoints"][0]
    assert endpoint["path"] == "/metrics"
    assert endpoint["authorization"]["credentials"] == {"name": "huiyan-gateway", "key": "admin-key"}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_work_is_refused_with_its_reason(rendered: dict[str, Json], name: str) -> None:
    assert REFUSED[name][1] in rendered[name]["error"]


@pytest.mark.parametrize("name", ["small", "large", "own"])
def test_the_pod_is_confined(rendered: dict[str, Json], name: str) -> None:
    pod = one(rendered[name], "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False, "its variables would be taken for settings"
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/var/lib/huiyan", "/tmp"}
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"


def test_secrets_are_files(rendered: dict[str, Json]) -> None:
    for name in ("small", "large", "own"):
        (container,) = one(rendered[name], "Deployment")["spec"]["template"]["spec"]["containers"]
        assert all("valueFrom" not in variable for variable in container.get("env", []))
        assert "--engine-key-file=/etc/huiyan/engine-key" in container["args"]


def test_several_gateways_share_state_and_leave_one_by_one(rendered: dict[str, Json]) -> None:
    large = rendered["large"]
    deployment = one(large, "Deployment")["spec"]
    assert "replicas" not in deployment, "the autoscaler's to say"
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    state = next(volume for volume in deployment["template"]["spec"]["volumes"] if volume["name"] == "state")
    assert state["secret"]["items"] == [{"key": "server-secret", "path": "secret"}]
    scaler = one(large, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "huiyan-gateway"
    assert scaler["minReplicas"] >= 2
    assert one(large, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert one(rendered["small"], "Deployment")["spec"]["replicas"] == 1
    assert not [each for each in rendered["small"]["documents"] if each["kind"] == "HorizontalPodAutoscaler"]


def test_only_the_gateway_reaches_the_router_and_only_the_router_the_engines(
    rendered: dict[str, Json],
) -> None:
    gateway = one(rendered["large"], "Deployment")["spec"]["template"]["metadata"]["labels"]
    router = {"app.kubernetes.io/instance": "vllm", "app.kubernetes.io/component": "router"}
    engines = {**router, "app.kubernetes.io/component": "serving-engine"}
    for policy, meant, comes_from in (("router", router, gateway), ("engines", engines, router)):
        spec = one(rendered["large"], "NetworkPolicy", f"huiyan-gateway-{policy}")["spec"]
        assert spec["podSelector"]["matchLabels"] == meant
        assert spec["policyTypes"] == ["Ingress"]
        (rule,) = spec["ingress"]
        (peer,) = rule["from"]
        assert peer["podSelector"]["matchLabels"].items() <= comes_from.items()
        assert list(peer) == ["podSelector"], "the same namespace"
    own = one(rendered["large"], "NetworkPolicy")["spec"]
    assert own["policyTypes"] == ["Ingress", "Egress"]
    reached = [peer for rule in own["egress"] for peer in rule.get("to", [])]
    assert [peer["podSelector"]["matchLabels"] for peer in reached] == [router]
