"""Sentences about engines on several machines."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "cluster.no_ray": ("这里没有安装 Ray {version}。", "Ray {version} is not installed here."),
    "cluster.no_ray.hint": ("安装：huiyan engines install ray", "Install it: huiyan engines install ray"),
    "cluster.ray_installed": (
        "Ray {version} 已装好：{path}",
        "Ray {version} is installed: {path}",
    ),
    "cluster.ray_removed": ("Ray {version} 已移除。", "Ray {version} is removed."),
    "cluster.head": (
        "本机的 Ray 没有启动起来。{last}",
        "The Ray of this machine did not start. {last}",
    ),
    "cluster.head.hint": (
        "再试一次；原因在 {log}。",
        "Try again; {log} says why.",
    ),
    "cluster.failed": ("集群没有完成：{reason}", "The cluster did not do it: {reason}"),
    "cluster.failed.hint": (
        "看 huiyan cluster status；Ray 的日志在头节点的临时目录 session_latest/logs。",
        "See `huiyan cluster status`; Ray's logs lie in its directory session_latest/logs on the head.",
    ),
    "cluster.nowhere": (
        "没有 Ray 集群在运行。",
        "No Ray cluster is running.",
    ),
    "cluster.nowhere.hint": (
        "启动：huiyan cluster up；已有集群：加 --address HOST:PORT",
        "Start one: huiyan cluster up; for one that is there: --address HOST:PORT",
    ),
    "cluster.absent": (
        "集群 {address} 上没有名为 {name} 的部署。",
        "Nothing is deployed as {name} on the cluster {address}.",
    ),
    "cluster.absent.hint": ("部署：huiyan cluster up", "Deploy: huiyan cluster up"),
    "cluster.vllm": (
        "cluster up 部署的是 llama.cpp；显卡上的 vLLM 由 Ray Serve LLM 运行。",
        "`cluster up` deploys llama.cpp; vLLM on GPUs is run by Ray Serve LLM.",
    ),
    "cluster.vllm.hint": (
        "生成它的部署文件：huiyan cluster llm",
        "Write its deployment file: huiyan cluster llm",
    ),
    "cluster.bounds": (
        "最多副本数 {most} 小于最少副本数 {least}。",
        "At most {most} replicas is less than {least} at all times.",
    ),
    "cluster.bounds.hint": ("改 --max-replicas 或 --replicas。", "Change --max-replicas or --replicas."),
    "cluster.head_waits": (
        "本机的 Ray 正在启动（{seconds} 秒）",
        "Ray is starting on this machine ({seconds} s)",
    ),
    "cluster.waits": (
        "副本 {running}/{wanted} 就绪（{seconds} 秒）",
        "{running} of {wanted} replicas are ready ({seconds} s)",
    ),
    "cluster.up": (
        "{running} 个副本在运行，集群 {address}。网关：\n  {command}",
        "{running} replicas run on the cluster {address}. The gateway:\n  {command}",
    ),
    "cluster.status": (
        "{name}：{state}，副本 {running}/{wanted}，节点 {nodes} 个（集群 {address}）",
        "{name}: {state}, {running} of {wanted} replicas, {nodes} nodes (cluster {address})",
    ),
    "cluster.listed": ("  引擎 {name}：{url}", "  engine {name}: {url}"),
    "cluster.down": ("已撤下 {name}。", "{name} is taken away."),
    "cluster.head_ended": ("本机的 Ray 已结束。", "The Ray of this machine has ended."),
    "cluster.no_model": (
        "节点上没有模型 {model}（{store}）。",
        "The model {model} is not on the node ({store}).",
    ),
    "cluster.no_model.hint": (
        "用 --lock 指明 models.lock，节点就自己去取；或在每个节点上 huiyan models pull。",
        "Name its models.lock with --lock, so that nodes fetch it; or `huiyan models pull` on every node.",
    ),
    "cluster.not_locked": ("锁文件里没有模型 {model}。", "The lock does not name the model {model}."),
    "cluster.not_locked.hint": (
        "重新写锁：huiyan models lock",
        "Write the lock anew: huiyan models lock",
    ),
    "cluster.damaged": (
        "节点上 {model} 的文件与锁不符：{path}",
        "A file of {model} on the node is not what its lock says: {path}",
    ),
    "cluster.damaged.hint": (
        "它已被移开；副本重启时会重新取。",
        "It was moved away; the replica's next start fetches it again.",
    ),
    "cluster.no_gpu_plan": (
        "没有可用的显卡规划：{why}",
        "There is no plan for a GPU: {why}",
    ),
    "cluster.no_gpu_plan.hint": (
        "指明显卡和模型：huiyan cluster llm --gpu A10:24GiB:8.6 --model Qwen/Qwen3-VL-8B-Instruct",
        "Name card and model: huiyan cluster llm --gpu A10:24GiB:8.6 --model Qwen/Qwen3-VL-8B-Instruct",
    ),
    "cluster.llm_written": (
        "已写入 {path}。在集群上部署：serve deploy {path}，再启动网关：\n  huiyan serve --engine-url http://头节点:8000",
        "Written: {path}. To deploy it: serve deploy {path}\n  huiyan serve --engine-url http://HEAD:8000",
    ),
}
