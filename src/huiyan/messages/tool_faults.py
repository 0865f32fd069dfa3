"""Sentences about tools that cannot be installed, do not start, or fail in a call."""

from typing import Final

_LOGS: Final = (
    "`huiyan tools logs 名称` 可看到它说了什么；其他工具不受影响。",
    "`huiyan tools logs NAME` shows what the tool said; other tools are not affected.",
)
_MANIFEST: Final = (
    "清单的写法见 docs/guides/tool-authors.zh-CN.md。",
    "docs/guides/tool-authors.md describes the manifest.",
)
_UV: Final = (
    "请看上面 uv 的输出；没有改动任何东西。",
    "Read what uv said above; nothing was changed.",
)
_NAME: Final = (
    "只用小写字母、数字和连字符。",
    "Use lower case letters, digits and hyphens.",
)
_SCHEMA: Final = (
    "GET /api/tools 里有该工具的 input_schema，请按它填写。",
    "GET /api/tools has the tool's input_schema; send what it asks for.",
)
_AUTHOR: Final = (
    "请工具作者修改它的 input_schema；其他工具不受影响。",
    "Its author has to mend its input_schema; other tools are not affected.",
)
_LESS: Final = (
    "一次少给它一些内容；上限由它的清单（limits）规定。",
    "Ask it for less at once; its manifest sets the limits.",
)

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    # Installing.
    "tool.no_name": ("{name!r} 不能用作名称。", "{name!r} is no name."),
    "tool.no_name.hint": _NAME,
    "tool.not_installed": ("{name} 没有安装成功：{cause}", "{name} was not installed: {cause}"),
    "tool.not_installed.hint": (
        "改好该工具后再安装一次；没有改动任何东西。",
        "Mend the tool, then add it again; nothing was changed.",
    ),
    "tool.not_installed_said": (
        "{name} 没有安装成功：{cause} 它的输出：{said}",
        "{name} was not installed: {cause} It said: {said}",
    ),
    "tool.not_installed_said.hint": (
        "改好该工具后再安装一次；没有改动任何东西。",
        "Mend the tool, then add it again; nothing was changed.",
    ),
    "tool.unknown": ("没有叫 {name!r} 的工具。", "There is no tool {name!r}."),
    "tool.unknown.hint": (
        "`huiyan tools list` 列出已安装的工具。",
        "`huiyan tools list` shows what is installed.",
    ),
    "tool.unknown_inside": ("{plugin} 里没有工具 {name!r}。", "{plugin} has no tool {name!r}."),
    "tool.unknown_inside.hint": (
        "GET /api/tools 列出现有的工具。",
        "GET /api/tools lists the tools that are there now.",
    ),
    "tool.remove": ("删除不了 {path}：{reason}。", "{path} cannot be removed: {reason}."),
    "tool.remove.hint": ("检查权限，再运行一次。", "Check its permissions, then run this again."),
    "tool.switch": ("替换不了 {path}：{reason}。", "{path} cannot be replaced: {reason}."),
    "tool.switch.hint": (
        "检查权限和剩余空间，再运行一次。",
        "Check its permissions and the free space, then run this again.",
    ),
    "tool.busy": ("另一条命令正在改动工具。", "Another command is changing the tools."),
    "tool.busy.hint": (
        "等它结束，再运行一次。",
        "Wait until it has ended, then run this again.",
    ),
    "tool.lists_none": ("它没有提供任何工具。", "It lists no tools."),
    "tool.lists_none.hint": (
        "需要一个至少提供一个工具的 MCP 服务器。",
        "An MCP server with at least one tool is needed.",
    ),
    "tool.no_address": ("{given} 不是网址。", "{given} is no address."),
    "tool.no_address.hint": ("请给出 MCP 服务器的网址。", "Give the address of an MCP server."),
    "tool.no_tool": ("{given} 不是工具。", "{given} is no tool."),
    "tool.no_tool.hint": (
        "请给出包名、含 pyproject.toml 的目录、.py 或 .whl 文件，或网址。",
        "Give a package's name, a directory with a pyproject.toml, a .py or .whl file, or a URL.",
    ),
    "tool.dependencies": (
        "{name}：`dependencies` 不是列表。",
        "{name}: `dependencies` is no list.",
    ),
    "tool.dependencies.hint": _MANIFEST,
    "tool.script_large": (
        "{path} 超过 {limit_bytes:,} 字节。",
        "{path} is larger than {limit_bytes:,} bytes.",
    ),
    "tool.script_large.hint": (
        "把它做成一个包（含 pyproject.toml 的目录）再安装。",
        "Make a package of it (a directory with a pyproject.toml) and add that.",
    ),
    "tool.script_text": ("{path} 不是 UTF-8 文本。", "{path} is not UTF-8."),
    "tool.script_text.hint": ("用 UTF-8 编码保存它，再安装一次。", "Save it as UTF-8 and add it again."),
    "tool.metadata": (
        "脚本里的元数据不是 TOML：{reason}。",
        "The script's metadata is no TOML: {reason}.",
    ),
    "tool.metadata.hint": _MANIFEST,
    "tool.package_missing": ("{name} 没有安装成功。", "{name} was not installed."),
    "tool.package_missing.hint": _UV,
    "tool.command_missing": (
        "它的命令 {command} 不在它的环境里。",
        "Its command {command} is not in its environment.",
    ),
    "tool.command_missing.hint": _MANIFEST,
    "tool.no_command": (
        "它没有写明用哪个命令启动；可用的有：{offered}。",
        "It does not say which command starts it; it has: {offered}.",
    ),
    "tool.no_command.hint": (
        "在 {file} 里写明一个：command = ['…']",
        "Name one in {file}: command = ['…']",
    ),
    "tool.uv_start": ("无法运行 uv：{reason}。", "uv cannot be started: {reason}."),
    "tool.uv_start.hint": ("重新安装它：pip install uv", "Install it again: pip install uv"),
    "tool.uv_failed": ("uv {command} 失败：{said}", "uv {command} failed: {said}"),
    "tool.uv_failed.hint": _UV,
    "tool.one_wheel": ("{source} 构建不出单个 wheel。", "{source} does not build into one wheel."),
    "tool.one_wheel.hint": (
        "检查它的 pyproject.toml；没有改动任何东西。",
        "Look at its pyproject.toml; nothing was changed.",
    ),
    "tool.no_uv": (
        "没有安装 uv；工具的环境要用它创建。",
        "uv is not installed; it makes the tools' environments.",
    ),
    "tool.no_uv.hint": ("请运行：pip install uv", "Run: pip install uv"),
    # The manifest.
    "tool.icon_unknown": ("没有叫 {name!r} 的图标。", "There is no icon {name!r}."),
    "tool.icon_unknown.hint": (
        "从这些里选一个：{known}；或者给出 `svg`。",
        "Take one of {known}, or give an `svg`.",
    ),
    "tool.icon_large": (
        "图标太大，或带有文档类型声明。",
        "The icon is too large, or has a document type.",
    ),
    "tool.icon_large.hint": ("请控制在 16 KiB 以内。", "Keep it under 16 KiB."),
    "tool.icon_broken": ("图标不是 SVG：{reason}。", "The icon is no SVG: {reason}."),
    "tool.icon_broken.hint": _MANIFEST,
    "tool.icon_no_svg": ("图标不是 SVG。", "The icon is no SVG."),
    "tool.icon_no_svg.hint": _MANIFEST,
    "tool.icon_empty": ("图标里没有可画的形状。", "The icon draws nothing."),
    "tool.icon_empty.hint": (
        "请用 {known}，单一颜色（currentColor）。",
        "Use {known}, in one colour (currentColor).",
    ),
    "tool.manifest_large": (
        "{file} 超过 {limit_bytes:,} 字节。",
        "{file} is larger than {limit_bytes:,} bytes.",
    ),
    "tool.manifest_large.hint": _MANIFEST,
    "tool.manifest_toml": ("{file} 不是 TOML：{reason}。", "{file} is no TOML: {reason}."),
    "tool.manifest_toml.hint": _MANIFEST,
    "tool.manifest": ("{file} 有误：{reason}。", "{file}: {reason}."),
    "tool.manifest.hint": _MANIFEST,
    "tool.manifest_name": ("{file}：{name!r} 不能用作名称。", "{file}: {name!r} is no name."),
    "tool.manifest_name.hint": _NAME,
    # Starting.
    "tool.directory": (
        "无法创建它的工作目录：{reason}。",
        "Its working directory cannot be made: {reason}.",
    ),
    "tool.directory.hint": (
        "检查数据目录的权限和剩余空间。",
        "Check the data directory's permissions and free space.",
    ),
    "tool.files": ("写不了给它的文件：{reason}。", "Its files cannot be written: {reason}."),
    "tool.files.hint": (
        "检查数据目录的权限和剩余空间。",
        "Check the data directory's permissions and free space.",
    ),
    "tool.not_started": ("{name} 启动不了：{cause}", "{name} could not be started: {cause}"),
    "tool.not_started.hint": _LOGS,
    "tool.start": ("它启动不了：{reason}。", "It could not be started: {reason}."),
    "tool.start.hint": _LOGS,
    "tool.jail": ("它的隔离环境没有建立起来。", "Its jail did not come up."),
    "tool.jail.hint": _LOGS,
    "tool.talk": ("无法与它通信：{reason}", "It could not be talked to: {reason}"),
    "tool.talk.hint": _LOGS,
    "tool.not_ready": (
        "它在 {seconds:.0f} 秒内没有就绪。",
        "It was not ready within {seconds:.0f} s.",
    ),
    "tool.not_ready.hint": _LOGS,
    # A call.
    "tool.too_many": ("同时进行的工具调用太多。", "Too many calls of tools run already."),
    "tool.too_many.hint": ("请稍后再试。", "Try again."),
    "tool.unforeseen": ("出现了意料之外的错误：{name}。", "Something unforeseen: {name}."),
    "tool.unforeseen.hint": _LOGS,
    "tool.silent": (
        "它 {seconds:.0f} 秒没有动静，或总时间过长，已被停止。",
        "It said nothing for {seconds:.0f} s, or took too long altogether, and was stopped.",
    ),
    "tool.silent.hint": (
        "一次少给它一些内容；清单里的 `hang_timeout_s` 和 `call_timeout_s` 规定时限。",
        "Ask it for less at once; its manifest sets `hang_timeout_s` and `call_timeout_s`.",
    ),
    "tool.answered_error": ("它回答了一个错误：{cause}", "It answered with an error: {cause}"),
    "tool.answered_error.hint": _LOGS,
    "tool.protocol": ("它的回答不符合协议：{reason}", "Its answer breaks the protocol: {reason}"),
    "tool.protocol.hint": _LOGS,
    "tool.not_running": ("它没有在运行。", "It is not running."),
    "tool.not_running.hint": _LOGS,
    "tool.ended": ("它已被结束。", "It was ended."),
    "tool.ended.hint": _LOGS,
    "tool.process_ended": ("它的进程已结束（{end}）。", "Its process ended with {end}."),
    "tool.process_ended.hint": _LOGS,
    "tool.over_output": (
        "它一次输出超过 {mib} MiB，已被停止。",
        "It wrote more than {mib} MiB at once and was stopped.",
    ),
    "tool.over_output.hint": _LESS,
    "tool.over_memory": (
        "它占用的内存超过 {mib} MiB，已被停止。",
        "It took more than {mib} MiB and was stopped.",
    ),
    "tool.over_memory.hint": _LESS,
    "tool.over_processes": (
        "它启动的进程超过 {count} 个，已被停止。",
        "It started more than {count} processes and was stopped.",
    ),
    "tool.over_processes.hint": _LESS,
    "tool.over_cpu": (
        "它使用的处理器时间超过上限，已被停止。",
        "It used more processor time than it may and was stopped.",
    ),
    "tool.over_cpu.hint": _LESS,
    "tool.over_result": ("它的结果超过 {mib} MiB。", "Its result is larger than {mib} MiB."),
    "tool.over_result.hint": (
        "一次少要一些：更少的页、更小的图片。",
        "Ask it for less: fewer pages, smaller pictures.",
    ),
    # Arguments.
    "tool.schema_large": (
        "某个工具的输入格式（input_schema）过大或嵌套过深。",
        "A tool's input schema is too large or too deep.",
    ),
    "tool.schema_large.hint": _AUTHOR,
    "tool.schema_deep": (
        "某个工具的输入格式（input_schema）嵌套过深。",
        "A tool's input schema is too deep.",
    ),
    "tool.schema_deep.hint": _AUTHOR,
    "tool.schema_broken": (
        "该工具的输入格式（input_schema）无法使用：{reason}。",
        "The tool's input schema cannot be used: {reason}.",
    ),
    "tool.schema_broken.hint": _AUTHOR,
    "tool.arguments": ("参数不符合要求：{reason}", "The arguments do not fit: {reason}"),
    "tool.arguments.hint": _SCHEMA,
    "tool.arguments_at": (
        "参数 {place} 不符合要求：{reason}",
        "The arguments do not fit at {place}: {reason}",
    ),
    "tool.arguments_at.hint": _SCHEMA,
    "tool.argument_no_file": ("参数 {name!r} 不是文件。", "The argument {name!r} is no file."),
    "tool.argument_no_file.hint": _SCHEMA,
    "tool.argument_one_file": (
        "参数 {name!r} 只接受一个文件。",
        "The argument {name!r} takes one file.",
    ),
    "tool.argument_one_file.hint": _SCHEMA,
    "tool.argument_text": (
        "参数 {name!r} 应当是文件，而不是文字。",
        "The argument {name!r} is a file, not a text.",
    ),
    "tool.argument_text.hint": (
        "请以 sha256:…（PUT /api/images）、data URL 或表单部分的形式发送。",
        "Send it as sha256:… (PUT /api/images), as a data URL, or as a part of a form.",
    ),
}
