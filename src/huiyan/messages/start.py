"""Sentences of `huiyan start`'s display."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "layer.machine": ("机器", "machine"),
    "layer.model": ("模型文件", "model files"),
    "layer.ports": ("端口", "ports"),
    "layer.engine": ("引擎", "engine"),
    "layer.gateway": ("网关", "gateway"),
    "layer.health": ("自检", "health"),
    "layer.failed": ("不通过", "refused"),
    "machine.looking": ("正在查看 CPU、内存、磁盘和显卡", "looking at CPU, memory, disk and GPU"),
    "model.looking": ("正在检查模型文件", "looking at the model's files"),
    "ports.looking": ("正在选择端口", "taking ports"),
    "health.looking": ("正在检查页面和引擎", "asking page and engine"),
    "plan": (
        "方案：{engine} 引擎，模型 {model}，上下文 {context} 个词元，{threads} 个线程，{slots} 路并行",
        "plan: engine {engine}, model {model}, context {context} tokens, threads {threads}, slots {slots}",
    ),
    "engine.progress": ("{state} {percent}", "{state} {percent}"),
    "gateway.serving": ("页面已可打开：{url}", "the page is served: {url}"),
    "health.ok": ("看图回答正常（{seconds} 秒）", "it answers about a picture ({seconds} s)"),
    "ready": ("就绪：{url}", "Ready: {url}"),
    "ready.demo": (
        "正在回答的是小型演示模型 nano：能读印刷文字、图形、表格、柱状图、价签和商品卡片，看不懂照片。",
        (
            "The small demo model nano is answering: it reads printed text, shapes, tables, bar charts, "
            "price tags and product cards, and does not understand photographs."
        ),
    ),
    "ready.stop": ("按 Ctrl-C 停止。", "Press Ctrl-C to stop."),
    "ready.detached": (
        "已在后台运行。停止：huiyan stop",
        "It runs in the background. Stop it with: huiyan stop",
    ),
    "detach.ended": ("后台进程意外结束：{last}", "The background process ended unexpectedly: {last}"),
    "detach.ended.hint": (
        "不加 --detach 再试一次，可看到全部输出：huiyan start",
        "Try it without --detach, to see all that it says: huiyan start",
    ),
    "stopping": ("正在停止……再按一次 Ctrl-C 立即结束。", "Stopping… Press Ctrl-C again to end at once."),
    "stopped": ("已停止。", "Stopped."),
    "verbatim": ("{text}", "{text}"),
    "failed": ("启动失败：{message}", "The start failed: {message}"),
    "hint": ("怎么办：{hint}", "What to do: {hint}"),
}
