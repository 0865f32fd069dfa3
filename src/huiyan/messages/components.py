"""Sentences about components on this machine: states, journal, prompt adapters, the running engine."""

from typing import Final

_JOURNAL: Final = (
    "检查剩余空间和权限；没有日志就不会改动任何东西。",
    "Free some space and check its permissions; without the journal nothing is changed.",
)
_ADAPTER: Final = (
    "请改好适配器的模板或对话样例，再重新制作：huiyan release make prompt-adapter",
    "Mend the adapter's template or conversations, and make it again: huiyan release make prompt-adapter",
)
_ENGINE: Final = (
    "看引擎的日志：huiyan logs --source engine",
    "See what the engine said: huiyan logs --source engine",
)

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "component.cancelled": ("更新已取消。", "The update was cancelled."),
    "component.cancelled.hint": (
        "再运行一次更新，会接着已取到的数据继续。",
        "Run the update again; it goes on with the bytes that are here.",
    ),
    "component.unforeseen": (
        "出现了意料之外的错误；详情见 `huiyan logs`。",
        "Something unforeseen happened; `huiyan logs` has the details.",
    ),
    "component.unforeseen.hint": (
        "看日志：huiyan logs --source launcher",
        "Read the log: huiyan logs --source launcher",
    ),
    "component.not_back": (
        "{name}：新状态没有成功（{failed}），运行中又回不到原来的状态：{cause}",
        (
            "{name}: the new state failed ({failed}) and the old one could not be brought back while "
            "everything runs: {cause}"
        ),
    ),
    "component.not_back.hint": (
        "重新启动 huiyan（huiyan stop，huiyan start）：会从更新之前的状态开始。",
        "Start huiyan again (huiyan stop, huiyan start): it begins with the state from before the update.",
    ),
    "component.cancelled_word": ("已取消", "cancelled"),
    "component.interrupted_word": ("被中断", "interrupted"),
    "component.same_word": ("已经就是这个内容", "this is what is active already"),
    "component.gone": (
        "{name} 的状态 {state} 已不在这里。",
        "The state {state} of {name} is not here any more.",
    ),
    "component.gone.hint": (
        "重新获取：huiyan update --component {name}",
        "Fetch it again: huiyan update --component {name}",
    ),
    "component.disk_full": ("{path} 所在的磁盘已满。", "The disk of {path} is full."),
    "component.disk_full.hint": (
        "腾出一些空间，再运行一次更新。",
        "Free some space and run the update again.",
    ),
    "component.write": ("写不了 {path}：{reason}。", "{path} cannot be written: {reason}."),
    "component.write.hint": (
        "改好权限，再运行一次更新。",
        "Mend its permissions and run the update again.",
    ),
    "component.journal_unreadable": (
        "读不了更新日志 {path}：{reason}。",
        "The update journal {path} cannot be read: {reason}.",
    ),
    "component.journal_unreadable.hint": ("检查它的权限。", "Check its permissions."),
    "component.journal_damaged": (
        "更新日志 {path} 已损坏：{reason}。",
        "The update journal {path} is damaged: {reason}.",
    ),
    "component.journal_damaged.hint": (
        "把 {name} 移到别处；`huiyan status` 会说明当前用的是什么。",
        "Move {name} away; `huiyan status` says what is active.",
    ),
    "component.journal_write": (
        "写不了更新日志 {path}：{reason}。",
        "The update journal {path} cannot be written: {reason}.",
    ),
    "component.journal_write.hint": _JOURNAL,
    # Prompt adapters.
    "adapter.golden_large": (
        "golden/{name} 超过 {limit_bytes:,} 字节。",
        "golden/{name} is larger than {limit_bytes:,} bytes.",
    ),
    "adapter.golden_large.hint": ("缩短这段对话样例。", "Shorten that conversation."),
    "adapter.golden_unreadable": (
        "读不了提示适配器的 {path}：{reason}。",
        "{path} of the prompt adapter cannot be read: {reason}.",
    ),
    "adapter.golden_unreadable.hint": _ADAPTER,
    "adapter.slow": (
        "提示适配器的模板处理一段短对话用时过长。",
        "The prompt adapter's template takes too long over a short conversation.",
    ),
    "adapter.slow.hint": _ADAPTER,
    "adapter.greedy": (
        "提示适配器的模板处理一段短对话占用的时间或内存过多。",
        "The prompt adapter's template takes too much time or memory over a short conversation.",
    ),
    "adapter.greedy.hint": _ADAPTER,
    "adapter.fails": (
        "提示适配器的模板出错：{reason}",
        "The prompt adapter's template fails: {reason}",
    ),
    "adapter.fails.hint": _ADAPTER,
    "adapter.changes": (
        "提示适配器的模板改变了对话样例 {name!r} 的结果：\n{diff}",
        "The prompt adapter's template changes its golden conversation {name!r}:\n{diff}",
    ),
    "adapter.changes.hint": _ADAPTER,
    "adapter.markers": (
        "在 {name!r} 中，提示适配器的模板为 {pictures} 张图片写了 {markers} 个图片标记。",
        "The prompt adapter's template writes {markers} picture markers for {pictures} pictures in {name!r}.",
    ),
    "adapter.markers.hint": _ADAPTER,
    "adapter.leaves_out": (
        "提示适配器的模板漏掉了 {name!r} 中说过的内容。",
        "The prompt adapter's template leaves out what was said in {name!r}.",
    ),
    "adapter.leaves_out.hint": _ADAPTER,
    "adapter.unreadable": (
        "读不了 {directory} 里的提示适配器：{reason}。",
        "The prompt adapter in {directory} cannot be read: {reason}.",
    ),
    "adapter.unreadable.hint": (
        "重新获取：`huiyan update --component prompt-adapter`",
        "Fetch it again with `huiyan update --component prompt-adapter`.",
    ),
    "adapter.labels": (
        "提示适配器的 labels 是 {labels!r}，不能这样写。",
        "The prompt adapter's labels are {labels!r}.",
    ),
    "adapter.labels.hint": (
        "可以是 none、zh、en，或含有 {{n}} 的文字。",
        "none, zh, en, or a text with {{n}}.",
    ),
    "adapter.marker": (
        "提示适配器有一个标记不以 > 结尾，或者太长。",
        "The prompt adapter has a marker that does not end in >, or is too long.",
    ),
    "adapter.marker.hint": (
        "标记形如 <|name|>，最多 64 个字符。",
        "Markers look like <|name|>, with at most 64 characters.",
    ),
    # The swap inside a running vLLM.
    "swap.refused": (
        "运行中的引擎不接受新的视觉编码器：{cause}",
        "The running engine refused the new vision encoder: {cause}",
    ),
    "swap.refused.hint": ("{advice}", "{advice}"),
    "swap.lost": (
        "替换视觉编码器时引擎失去了响应：{cause}",
        "The engine was lost while its vision encoder was replaced: {cause}",
    ),
    "swap.lost.hint": (
        "它会用自己的文件自动重新启动，不需要做什么。",
        "It is started anew from its files by itself.",
    ),
    "swap.no_extension": (
        "引擎里没有 huiyan 的扩展。",
        "The engine does not know huiyan's extension.",
    ),
    "swap.no_extension.hint": (
        "重新启动引擎：huiyan stop，再 huiyan start",
        "Start the engine anew: huiyan stop, then huiyan start",
    ),
    "swap.odd_answer": (
        "引擎里的扩展给出了意料之外的回答。",
        "The engine's extension answered something else than what it did.",
    ),
    "swap.odd_answer.hint": _ENGINE,
    "swap.status": ("引擎对 {path} 回答 {status}：{answer}", "{path}: {status} {answer}"),
    "swap.status.hint": _ENGINE,
    "swap.no_json": ("引擎对 {path} 的回答不是 JSON。", "{path}: no JSON"),
    "swap.no_json.hint": _ENGINE,
}
