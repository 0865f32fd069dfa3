"""Sentences of `huiyan bench`."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "help.bench": (
        "测量正在运行的引擎：首字时间、字间延迟、速度和内存。",
        "Measure the running engine: first token, time between tokens, speed, memory.",
    ),
    "help.bench_users": ("同时提问的人数，用逗号分隔。", "Users at once, by comma."),
    "help.bench_pictures": ("每个问题的图片数，用逗号分隔。", "Pictures of each question, by comma."),
    "help.bench_size": ("图片的像素，宽x高。", "Pixels of each picture, WIDTHxHEIGHT."),
    "help.bench_rounds": ("每种负载测几轮。", "Rounds of each load."),
    "help.bench_html": ("把带图表的报告写成一个网页文件。", "Write the report with plots to this HTML file."),
    "bench.title": ("{model} 的实测速度", "Measured speed of {model}"),
    "bench.facts": (
        (
            "引擎 {engine}；机器：{machine}；图片 {picture} 像素；"
            "每个回答最多 {max_tokens} 个词元；每种负载 {rounds} 轮。"
        ),
        (
            "Engine {engine}; machine: {machine}; pictures of {picture} pixels; at most {max_tokens} tokens "
            "an answer; {rounds} rounds of each load."
        ),
    ),
    "bench.load": ("{users} 人，{pictures} 张图", "{users} users, {pictures} pictures"),
    "bench.warming": ("预热", "warming up"),
    "bench.users": ("人数", "users"),
    "bench.pictures": ("图片", "pics"),
    "bench.prompt": ("提示词元", "prompt"),
    "bench.ttft": ("首字 秒", "first s"),
    "bench.ttft_high": ("p95 秒", "p95 s"),
    "bench.itl": ("字间 毫秒", "next ms"),
    "bench.itl_high": ("p95 毫秒", "p95 ms"),
    "bench.speed_user": ("每人/秒", "each/s"),
    "bench.speed": ("合计/秒", "all/s"),
    "bench.failed": ("失败", "failed"),
    "bench.legend": (
        "首字：到第一个词元；字间：词元之间；每人/秒、合计/秒：每秒词元数；p95：95 % 不超过它。",
        (
            "first: until the first token; next: between tokens; each/s, all/s: tokens a second; "
            "p95: 95 of 100 stay under it."
        ),
    ),
    "bench.plot.ttft": ("首字时间（秒，中位数）", "Time to the first token (s, median)"),
    "bench.plot.itl": ("字间延迟（毫秒，中位数）", "Time between tokens (ms, median)"),
    "bench.plot.speed": ("所有人合计的词元/秒", "Tokens a second, all users together"),
    "bench.slots": (
        "引擎同时写 {slots} 个回答，其余的人在排队：他们的首字时间包含等待。",
        "The engine writes {slots} answers at once; the others wait, and their first token includes that.",
    ),
    "bench.memory": ("引擎占用内存 {held}。", "The engine holds {held} of memory."),
    "bench.gpu": ("引擎占用显存 {held}。", "The engine holds {held} of GPU memory."),
    "bench.plan": (
        "计划中需要 {needed}，实测是它的 {share} %。",
        "The plan had {needed}; measured are {share} % of it.",
    ),
    "bench.skipped": (
        "未测 {users} 人、{pictures} 张图：{reason}",
        "Left out {users} users with {pictures} pictures: {reason}",
    ),
    "bench.skip.pictures": ("最多 {limit} 张图片", "at most {limit} pictures are taken"),
    "bench.skip.context": (
        "大约需要 {needed} 个词元，上下文只有 {context} 个",
        "about {needed} tokens are needed, the context has {context}",
    ),
    "bench.failure": ("失败的原因：{failure}", "Why some failed: {failure}"),
    "bench.demo": (
        "这是内置演示模型 nano 的速度，与真实模型无关。",
        "This is the speed of the built-in demo model nano; it says nothing about a real one.",
    ),
    "bench.written": ("报告：{path}", "report: {path}"),
    "bench.not_ready": ("huiyan 还没有就绪。", "huiyan is not ready yet."),
    "bench.not_ready.hint": ("等它就绪：huiyan status", "Wait until it is: huiyan status"),
    "bench.numbers": ("{flag} 看不懂：{text}", "{flag} does not say numbers: {text}"),
    "bench.numbers.hint": ("写成 1,3,16，每个数在 1 到 256 之间。", "Write 1,3,16, each from 1 to 256."),
    "bench.size": ("看不懂的图片大小：{text}", "No picture size: {text}"),
    "bench.size.hint": ("写成 1024x768，每边 32 到 8192。", "Write 1024x768, each side from 32 to 8192."),
    "bench.unwritable": ("无法写入 {path}：{reason}", "{path} cannot be written: {reason}"),
    "bench.unwritable.hint": ("换一个位置：--html 文件", "Take another place: --html FILE"),
}
