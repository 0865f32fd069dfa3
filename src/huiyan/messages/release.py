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
    "release.exists": ("{feed} 里已有 {name} {version}。", "{feed} has {name} {version} already."),
    "release.exists.hint": ("换一个 --version。", "Choose another --version."),
    "release.cannot": (
        "无法制作发布版：{path}：{reason}。",
        "The release cannot be made: {path}: {reason}.",
    ),
    "release.cannot.hint": (
        "检查路径、权限和剩余空间，再运行一次。",
        "Check the path, its permissions and the free space, and run it again.",
    ),
    "release.files": (
        "两个目录里的文件不一样：{odd}。",
        "The two directories do not hold the same files: {odd}.",
    ),
    "release.files.hint": (
        "给出同一模型的新旧两个目录。",
        "Name two directories of one model, the old one and the new one.",
    ),
    "release.no_weights": (
        "两者的 {path} 不同，而它不是权重。",
        "The two differ in {path}, which is no weights.",
    ),
    "release.no_weights.hint": (
        "改为发布整个模型，或让该文件保持一致。",
        "Release the whole model instead, or leave that file as it is.",
    ),
    "release.same_weights": (
        "两个目录的权重相同：没有可发布的内容。",
        "The two directories hold the same weights: there is nothing to release.",
    ),
    "release.same_weights.hint": ("检查两个目录是否给对了。", "See that these are the two that you meant."),
    "release.same_files": (
        "两个文件相同：没有可发布的内容。",
        "The two files are the same: there is nothing to release.",
    ),
    "release.same_files.hint": ("检查两个文件是否给对了。", "See that these are the two that you meant."),
    "release.projectors": (
        "{path} 里有 {count} 个 mmproj*.gguf 文件。",
        "{path} holds {count} mmproj*.gguf files.",
    ),
    "release.projectors.hint": ("直接写出那个文件的路径。", "Name the file itself in its place."),
    "release.no_adapter": ("{directory} 里没有 adapter.json。", "{directory} has no adapter.json."),
    "release.no_adapter.hint": (
        "它该写什么，见 docs/reference/components.zh-CN.md。",
        "docs/reference/components.md says what it holds.",
    ),
    "release.unreadable": ("读不了 {path}：{reason}。", "{path} cannot be read: {reason}."),
    "release.unreadable.hint": ("检查路径和权限。", "Check the path and its permissions."),
    "release.prefix": (
        "两者的 {name} 不同，而它不在 {prefix}* 之下。",
        "The two differ in {name}, which is not below {prefix}*.",
    ),
    "release.prefix.hint": (
        "改为发布整个模型，或另给 --prefix。",
        "Release the whole model instead, or name another --prefix.",
    ),
}
