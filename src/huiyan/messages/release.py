"""Sentences of `huiyan release`."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "help.release": ("制作组件的发布版。", "Cut releases of components."),
    "help.release.make": ("做一个发布版，写进发布目录。", "Make a release and put it into a feed directory."),
    "help.release.vision": (
        "从新旧两个模型目录做出只含变化张量的视觉编码器发布版。",
        "A vision encoder from an old and a new model directory: only the tensors that changed.",
    ),
    "help.release.adapter": (
        "把一个提示适配器目录做成发布版，先用对话样例检查它的模板。",
        "A prompt adapter from its directory, once its template has passed its conversations.",
    ),
    "help.release.old": ("现在的模型目录。", "Directory of the model as it is."),
    "help.release.new": ("新的模型目录。", "Directory of the model as it is to be."),
    "help.release.directory": (
        "含 adapter.json 的目录；可以有 chat_template.jinja 和 golden/。",
        "Directory with adapter.json; chat_template.jinja and golden/ may be in it.",
    ),
    "help.release.model": (
        "模型的名字，例如 Qwen/Qwen3-VL-8B-Instruct。",
        "The model's name, such as Qwen/Qwen3-VL-8B-Instruct.",
    ),
    "help.release.version": ("发布版的版本，例如 2026.11.1。", "Version of the release, such as 2026.11.1."),
    "help.release.out": (
        "发布目录；里面已有 components.toml 就加进去。",
        "Feed directory; a components.toml that is there is added to.",
    ),
    "help.release.prefix": ("哪些张量算视觉编码器。", "Which tensors are the vision encoder."),
    "help.release.min_huiyan": ("能用它的最旧的 huiyan 版本。", "The oldest huiyan that can take it."),
    "release.reading": ("读取 {name}", "reading {name}"),
    "release.made": (
        "{name} {version}：{count} 个文件，{size}，写进 {feed}",
        "{name} {version}: {count} files, {size}, in {feed}",
    ),
}
