"""What runs within Ray: a program of Ray's own environment, with nothing of huiyan in it.

    RAY_PYTHON ray_app.py     one request as JSON on stdin, JSON lines on stdout, the last one is the result

    Engine     a Serve deployment; each replica runs `huiyan.launcher.replica_child` in huiyan's environment
               on its node, and writes into the registry where its engine listens
    Registry   a named actor: which engines there are now, as heartbeats say
    Listing    Serve's ingress: GET /huiyan/replicas, for whoever has the secret

Requests do not go through Serve: the gateway asks the engines themselves, so that pictures are not copied
through another proxy and conversations stay where their caches are. Serve places, watches and scales.

Everything is pickled by value, as this file is `__main__`: nodes need Ray and huiyan, and no copy of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import math
import os
import secrets
import socket
import subprocess
import sys
import time
from typing import Any

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingContext, AutoscalingPolicy
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

NAMESPACE = "huiyan"
#: One engine as the list has it (`huiyan.engines.replicas.Replica`). Any: JSON, and what Ray gives.
Entry = dict[str, Any]
#: A replica says so often that it is there, and is forgotten after so much silence.
HEARTBEAT_S = 1.0
FORGOTTEN_AFTER_S = 6.0
#: A registry that was started anew answers only once all replicas must have spoken.
SETTLE_S = 3.0
MAX_WAIT_S = 30.0
#: Of a worker's environment, for huiyan's process.
HANDED_ON = ("HOME", "LANG", "PATH", "TMPDIR", "TZ", "SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy")
#: Requests that run on a replica which is to go may go on for this long.
DRAIN_S = 120.0
#: The gateway hears of a leaving replica at once; what it has sent just before arrives within this.
LEAVING_S = 1.0


class Registry:
    """Engines by name. Async: one loop, no locks."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Entry | None, float]] = {}
        self._began_s = time.monotonic()
        self._run = secrets.token_hex(4)
        self._number = 0
        self._changed = asyncio.Event()

    def put(self, name: str, entry: Entry | None) -> None:
        """entry: as the list has it; None: it is there, but takes no requests now."""
        before = self._entries.get(name)
        self._entries[name] = (entry, time.monotonic())
        if before is None or before[0] != entry:
            self._change()

    def remove(self, name: str) -> None:
        if self._entries.pop(name, None) is not None:
            self._change()

    async def listing(self, after: str, wait_s: float) -> dict[str, Any] | None:
        """{revision, replicas}, at once or when it is another one than `after`; None while it settles."""
        deadline_s = time.monotonic() + min(float(wait_s), MAX_WAIT_S)
        while True:
            now_s = time.monotonic()
            if now_s - self._began_s < SETTLE_S:
                return None
            self._forget(now_s)
            if self._revision() != after or now_s >= deadline_s:
                break
            changed = self._changed
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(HEARTBEAT_S, deadline_s - now_s))
        there = [entry for _, (entry, _) in sorted(self._entries.items()) if entry is not None]
        return {"revision": self._revision(), "replicas": there}

    def _forget(self, now_s: float) -> None:
        for name, (_, heard_s) in list(self._entries.items()):
            if now_s - heard_s > FORGOTTEN_AFTER_S:
                self.remove(name)

    def _revision(self) -> str:
        return f"{self._run}-{self._number}"

    def _change(self) -> None:
        self._number += 1
        self._changed.set()
        self._changed = asyncio.Event()


class Listing:
    """GET /huiyan/replicas. secret_sha256: of the secret that the gateway shows; it itself is not here."""

    def __init__(self, registry_name: str, secret_sha256: str) -> None:
        self._registry = ray.get_actor(registry_name, namespace=NAMESPACE)
        self._secret_sha256 = bytes.fromhex(secret_sha256)

    async def __call__(self, request: Request) -> Response:
        shown = request.headers.get("authorization", "")
        digest = hashlib.sha256(shown.removeprefix("Bearer ").encode()).digest()
        if not hmac.compare_digest(digest, self._secret_sha256):
            return JSONResponse({"error": "wrong secret"}, 401)
        if request.method != "GET" or request.url.path.rstrip("/") != "/huiyan/replicas":
            return JSONResponse({"error": "there is only GET /huiyan/replicas"}, 404)
        try:
            wait_s = float(request.query_params.get("wait_s", "0"))
        except ValueError:
            return JSONResponse({"error": "wait_s is no number"}, 400)
        found = await self._registry.listing.remote(request.query_params.get("after", ""), wait_s)
        if found is None:
            return JSONResponse({"error": "the list is being put together"}, 503, {"retry-after": "3"})
        return JSONResponse(found, headers={"cache-control": "no-store"})


class Engine:
    """One engine: a process of huiyan's environment at the end of a socket pair, gone when this is gone."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, registry_name: str, boot: dict[str, Any], start_timeout_s: float
    ) -> None:
        """boot: `child` is what replica_child is told, `python` huiyan's interpreter, `environment` its own.

        A replica counts as running when this returns: the model is here and whole, and the engine answers.
        """
        self._registry = ray.get_actor(registry_name, namespace=NAMESPACE)
        context = serve.get_replica_context()
        self._name = f"{context.deployment}-{context.replica_id.unique_id}"
        self._load = {"running": 0, "waiting": 0}
        self._entry: Entry | None = None
        self._failure: str | None = None
        self._phase = "starting"
        self._leaving = False
        ours, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        subprocess.Popen(  # noqa: ASYNC220  # milliseconds, and asyncio's own would watch its end, too
            [
                boot["python"],
                "-P",
                "-X",
                "utf8",
                "-m",
                "huiyan.launcher.replica_child",
                "--lifeline-fd",
                str(theirs.fileno()),
            ],
            stdin=subprocess.DEVNULL,
            env={**_handed_on(), **boot["environment"]},
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=1024 * 1024)
        told = {**boot["child"], "host": ray.util.get_node_ip_address()}
        self._writer.write(json.dumps(told).encode() + b"\n")
        await self._writer.drain()
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        self._tasks = [loop.create_task(self._listen(reader, ready)), loop.create_task(self._beat())]
        try:
            await asyncio.wait_for(ready, start_timeout_s)
        except BaseException:
            self._end()
            raise

    async def _listen(self, reader: asyncio.StreamReader, ready: asyncio.Future[None]) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            kind = message["type"]
            if kind == "ready":
                self._phase = "ready"
                self._entry = {
                    "name": self._name,
                    "url": message["url"],
                    "api_key": message["api_key"],
                    "dialect": "llama_cpp",
                    "slots": message["slots"],
                }
                await self._tell()
                if not ready.done():
                    ready.set_result(None)
            elif kind == "down":
                self._phase, self._entry = message["code"], None
                await self._tell()
            elif kind == "load":
                self._load = {"running": message["running"], "waiting": message["waiting"]}
            elif kind == "progress":
                self._phase = message["phase"]
            elif kind == "failed":
                self._failure = f"{message['message']} {message['hint']}"
        self._failure = self._failure or "The engine's process is gone."
        self._entry = None
        if not ready.done():
            ready.set_exception(RuntimeError(self._failure))
        else:
            await self._tell()

    async def _beat(self) -> None:
        while not self._leaving:
            with contextlib.suppress(ray.exceptions.RayError):
                await self._tell()
            await asyncio.sleep(HEARTBEAT_S)

    async def _tell(self) -> None:
        if not self._leaving:
            await self._registry.put.remote(self._name, self._entry)

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._writer.close()

    # What Serve calls.

    async def check_health(self) -> None:
        if self._failure is not None:
            raise RuntimeError(self._failure)

    def record_autoscaling_stats(self) -> dict[str, float]:
        return {"load": float(self._load["running"] + self._load["waiting"])}

    def _is_busy(self) -> bool:
        return self._failure is None and sum(self._load.values()) > 0

    async def __del__(self) -> None:
        """Taken off the list first; what runs may end; then the engine goes."""
        if getattr(self, "_leaving", True):  # also where it did not come so far
            return
        self._leaving = True
        with contextlib.suppress(ray.exceptions.RayError):
            await self._registry.remove.remote(self._name)
        if self._failure is None:
            # The gateway hears of it, and the load is told once more.
            await asyncio.sleep(LEAVING_S + 1.0)
            deadline_s = time.monotonic() + DRAIN_S
            while self._is_busy() and time.monotonic() < deadline_s:  # noqa: ASYNC110  # told once a second
                await asyncio.sleep(0.2)
        self._end()


def _handed_on() -> dict[str, str]:
    """No PYTHONPATH or VIRTUAL_ENV: they are of Ray's environment."""
    here = os.environ  # noqa: TID251  # a program of Ray's environment has no settings
    return {name: here[name] for name in HANDED_ON if name in here}


def by_load(context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
    """As many replicas as the requests in their engines need; Serve itself sees none of them."""
    loads = (context.aggregated_metrics or {}).get("load", {})
    if not loads:
        return context.target_num_replicas, {}
    target = context.config.target_ongoing_requests or 1.0
    wanted = math.ceil(sum(loads.values()) / target) if sum(loads.values()) else 0
    return max(
        context.capacity_adjusted_min_replicas, min(context.capacity_adjusted_max_replicas, wanted)
    ), {}


# What `huiyan cluster` asks for.


def up(request: dict[str, Any]) -> dict[str, Any]:
    """Deploy, or change what is deployed; then wait until as many replicas run as are wanted."""
    name = request["name"]
    registry_name = f"{name}-replicas"
    # Else asked for again by each application; its options cannot be changed any more.
    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": request["http_host"], "port": request["http_port"]},
        logging_config={"log_level": "WARNING", "enable_access_log": False},
    )
    registry = ray.remote(Registry).options(
        name=registry_name,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=0,
        max_restarts=-1,
        max_concurrency=1000,
    )
    registry.remote()
    engine = serve.deployment(Engine).options(
        name="engine",
        # Replicas of another model or settings replace the ones that are there, one after another; a change
        # of their number alone leaves them be. Serve by itself takes each call for a new version.
        version=request["version"],
        ray_actor_options={"num_cpus": request["cpus_per_replica"]},
        health_check_period_s=2.0,
        health_check_timeout_s=10.0,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=DRAIN_S + 15.0,
        _internal=True,
        **_scaling(request),
    )
    listing = serve.deployment(Listing).options(
        name="listing",
        version=hashlib.sha256(request["secret_sha256"].encode()).hexdigest()[:16],
        num_replicas=1,
        max_ongoing_requests=1000,
        ray_actor_options={"num_cpus": 0},
        _internal=True,
    )
    targets = [
        serve.RunTarget(
            target=engine.bind(registry_name, request["boot"], request["start_timeout_s"]),
            name=f"{name}-engines",
            route_prefix=None,
        ),
        serve.RunTarget(
            target=listing.bind(registry_name, request["secret_sha256"]),
            name=name,
            route_prefix="/huiyan",
        ),
    ]
    serve.run_many(targets, wait_for_ingress_deployment_creation=False, wait_for_applications_running=False)
    return _wait(request)


def _scaling(request: dict[str, Any]) -> dict[str, Any]:
    """num_replicas, or Serve's autoscaling within the bounds."""
    low, high = request["min_replicas"], request["max_replicas"]
    if low == high:
        return {"num_replicas": low}
    config = AutoscalingConfig(
        min_replicas=low,
        max_replicas=high,
        initial_replicas=low,
        target_ongoing_requests=request["target_load"],
        upscale_delay_s=request["upscale_delay_s"],
        downscale_delay_s=request["downscale_delay_s"],
        metrics_interval_s=2.0,
        look_back_period_s=6.0,
        policy=AutoscalingPolicy(policy_function=by_load),
    )
    return {"autoscaling_config": config}


def _wait(request: dict[str, Any]) -> dict[str, Any]:
    deadline_s = time.monotonic() + request["timeout_s"]
    while True:
        found = status(request)
        engines = found["engines"]
        if found["state"] == "RUNNING" and engines["running"] >= request["min_replicas"] == engines["wanted"]:
            return found
        if found["state"] == "RUNNING" and request["min_replicas"] < request["max_replicas"]:
            return found
        if found["state"] in {"DEPLOY_FAILED", "UNHEALTHY"}:
            raise RuntimeError(found["message"] or found["state"])
        if time.monotonic() > deadline_s:
            raise TimeoutError(
                f"not within {request['timeout_s']:.0f} s: {found['message'] or found['state']}"
            )
        say({"type": "progress", "running": engines["running"], "wanted": engines["wanted"]})
        time.sleep(1.0)


def status(request: dict[str, Any]) -> dict[str, Any]:
    """What Serve says of the two applications, and the names of the engines that are listed."""
    name = request["name"]
    told = serve.status()
    parts = [told.applications.get(f"{name}-engines"), told.applications.get(name)]
    if parts[0] is None:
        return {"state": "ABSENT", "message": "", "engines": {"running": 0, "wanted": 0}, "nodes": _nodes()}
    states = [str(part.status.value) if part is not None else "ABSENT" for part in parts]
    state = next((each for each in states if each != "RUNNING"), "RUNNING")
    deployment = parts[0].deployments.get("engine")
    counts = (
        {}
        if deployment is None
        else {str(getattr(k, "value", k)): v for k, v in deployment.replica_states.items()}
    )
    messages = [part.message for part in parts if part is not None and part.message]
    if deployment is not None and deployment.message:
        messages.append(deployment.message)
    return {
        "state": state,
        "message": " ".join(messages)[-2000:],
        "engines": {
            "running": counts.get("RUNNING", 0),
            "wanted": sum(n for kind, n in counts.items() if kind != "STOPPING"),
            "states": counts,
            "listed": _listed(f"{name}-replicas"),
        },
        "nodes": _nodes(),
    }


def _listed(registry_name: str) -> list[dict[str, str]]:
    """Names and addresses; the keys stay where they are."""
    try:
        registry = ray.get_actor(registry_name, namespace=NAMESPACE)
        found = ray.get(registry.listing.remote("", 0.0), timeout=10.0)
    except (ValueError, ray.exceptions.RayError):
        return []
    return [{"name": each["name"], "url": each["url"]} for each in (found or {"replicas": []})["replicas"]]


def _nodes() -> list[dict[str, Any]]:
    return [
        {
            "address": node["NodeManagerAddress"],
            "alive": node["Alive"],
            "cpus": node["Resources"].get("CPU", 0.0),
        }
        for node in ray.nodes()
    ]


def down(request: dict[str, Any]) -> dict[str, Any]:
    """Take the applications away; with the last one, Serve itself. Requests that run may end."""
    name = request["name"]
    for each in (f"{name}-engines", name):
        with contextlib.suppress(Exception):  # not there, or not there any more
            serve.delete(each)
    with contextlib.suppress(ValueError):
        ray.kill(ray.get_actor(f"{name}-replicas", namespace=NAMESPACE))
    if not serve.status().applications:
        serve.shutdown()
    return {"state": "ABSENT"}


def say(message: dict[str, Any]) -> None:
    ANSWERS.write(json.dumps(message) + "\n")
    ANSWERS.flush()


def main() -> int:
    request = json.loads(sys.stdin.readline())
    ray.init(
        address=request["address"],
        namespace=NAMESPACE,
        log_to_driver=False,
        configure_logging=True,
        logging_level="ERROR",
    )
    try:
        result = {"up": up, "status": status, "down": down}[request["act"]](request)
    except Exception as error:  # noqa: BLE001  # the other side is a program: it gets the reason
        say({"type": "failed", "message": f"{type(error).__name__}: {error}"[-4000:]})
        return 1
    say({"type": "done", **result})
    return 0


if __name__ == "__main__":
    # Ray and Serve print; what is answered has a stream of its own.
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.exit(main())
