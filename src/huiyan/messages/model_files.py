"""Sentences about a model's files, as the engine is about to read them, and about its first words."""

from typing import Final

_PULL: Final = (
    "重新获取该模型：huiyan models pull 模型名",
    "Fetch the model again: huiyan models pull MODEL",
)
_WRITE: Final = (
    "检查权限，再运行一次。",
    "Check its permissions, then run the command again.",
)

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "manifest.missing": ("缺少模型的清单：{path}", "The model's manifest is missing: {path}"),
    "manifest.missing.hint": (
        "重新安装 huiyan，或重新获取该模型。",
        "Install huiyan again, or fetch the model again.",
    ),
    "manifest.unreadable": (
        "读不了清单 {path}：{reason}",
        "The manifest {path} cannot be read: {reason}",
    ),
    "manifest.unreadable.hint": _PULL,
    "manifest.outside": (
        "清单 {path} 写了自己目录之外的路径：{name}",
        "The manifest {path} names a path outside its directory: {name}",
    ),
    "manifest.outside.hint": _PULL,
    "manifest.file_missing": (
        "缺少 {name} 的一个文件：{path}",
        "A file of {name} is missing: {path}",
    ),
    "manifest.file_missing.hint": _PULL,
    "manifest.size": (
        "{path} 有 {size_bytes:,} 字节，清单写的是 {wanted_bytes:,}。",
        "{path} has {size_bytes:,} bytes; its manifest says {wanted_bytes:,}.",
    ),
    "manifest.size.hint": _PULL,
    "manifest.file_unreadable": ("读不了 {path}：{reason}", "{path} cannot be read: {reason}"),
    "manifest.file_unreadable.hint": ("检查路径和权限。", "Check the path and its permissions."),
    "manifest.digest": (
        "{path} 已损坏：它的 SHA-256 是 {found}…，清单写的是 {wanted}…。",
        "{path} is damaged: its SHA-256 is {found}…, its manifest says {wanted}….",
    ),
    "manifest.digest.hint": _PULL,
    "disk.full": ("{path} 所在的磁盘没有空间了。", "No space is left on the disk of {path}."),
    "disk.full.hint": (
        "腾出一些空间，再运行一次该命令。",
        "Free some space, then run the command again.",
    ),
    "disk.write": ("写不了 {path}：{reason}", "{path} cannot be written: {reason}"),
    "disk.write.hint": _WRITE,
    "gguf.no_gguf": ("{path} 不是 GGUF 文件。", "{path} is no GGUF file."),
    "gguf.no_gguf.hint": ("请给出模型的 .gguf 文件。", "Name a .gguf file of the model."),
    "gguf.damaged": (
        "{path} 已损坏：读不了文件头（{reason}）。",
        "{path} is damaged: its head cannot be read ({reason}).",
    ),
    "gguf.damaged.hint": ("重新复制或重新获取该文件。", "Copy the file again, or fetch it again."),
    "gateway.workers_down": (
        "网关的工作进程起不来。",
        "The gateway's worker processes stay down.",
    ),
    "gateway.workers_down.hint": ("请看上面它们的输出。", "Read what they said above."),
    "chat.no_json": ("回答不是 JSON：{reason}", "The answer is no JSON: {reason}"),
    "chat.no_json.hint": (
        "检查网址指向的是 huiyan 吗；看日志：huiyan logs",
        "See whether huiyan answers at this address; read the log: huiyan logs",
    ),
    "chat.status": ("服务器回答 HTTP {status}：{body}", "HTTP {status}: {body}"),
    "chat.status.hint": (
        "再试一次；引擎说了什么，见 huiyan logs。",
        "Send the request again; `huiyan logs` shows what the engine said.",
    ),
}
