"""Sentences of `huiyan tools`."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "help.tools": (
        "安装、列出、更新和移除工具（MCP 服务器）。",
        "Add, list, update and remove tools (MCP servers).",
    ),
    "help.tools_add": (
        "安装一个工具：包名、目录、.py 或 .whl 文件，或 MCP 服务器的网址。",
        "Install a tool: a package's name, a directory, a .py or .whl file, or the URL of an MCP server.",
    ),
    "help.tools_list": ("列出已安装的工具，以及对它们的限制。", "List the tools, and what confines them."),
    "help.tools_remove": (
        "移除一个工具；打开的页面一秒内不再显示它。",
        "Remove a tool; open pages lose it within a second.",
    ),
    "help.tools_update": (
        "从原来的来源重新安装；失败则保留旧版本。",
        "Install again from where it came from; if that fails, the old version stays.",
    ),
    "help.tools_logs": ("工具自己说了什么。", "What a tool said."),
    "help.tool_source": ("包名、目录、文件或网址。", "A package, a directory, a file or a URL."),
    "help.tool_name": ("工具的名称，见 huiyan tools list。", "The tool's name, from `huiyan tools list`."),
    "help.tool_new_name": ("另取一个名称。", "Call it something else."),
    "help.tool_network": (
        "允许（或不允许）联网；工具的清单也要求联网时才有效。",
        "Allow it the network, or not; it takes effect where its manifest asks for it, too.",
    ),
    "help.tool_build": (
        "没有 wheel 的包允许从源码构建；构建时会以当前用户运行其构建代码。",
        "Packages without a wheel may be built from source, which runs their build code as this user.",
    ),
    "help.tool_lines": ("最后多少行。", "How many of the last lines."),
    "tools.step.environment": ("正在创建独立环境…", "Making its own environment…"),
    "tools.step.examine": (
        "正在隔离中试运行并读取工具列表…",
        "Starting it in its jail, to see what it offers…",
    ),
    "tools.added": ("{name} {version} 已安装：{tools}", "{name} {version} is installed: {tools}"),
    "tools.not_enforced": (
        "注意：这台机器无法强制：{what}",
        "Note: this machine does not enforce: {what}",
    ),
    "tools.wants_network": (
        "{name} 想联网，但未获允许。若要允许：huiyan tools update {name} --allow-network",
        "{name} asks for the network and has none. To allow it: huiyan tools update {name} --allow-network",
    ),
    "tools.elsewhere": (
        "{name} 在 {url} 运行，不受这里的限制；交给它的文件会离开这台机器。",
        "{name} runs at {url}, outside of any limit here; files that are given to it leave this machine.",
    ),
    "tools.removed": ("{name} 已移除。", "{name} is removed."),
    "tools.none": (
        "还没有工具。安装：huiyan tools add 来源",
        "There are no tools. Install one: huiyan tools add SOURCE",
    ),
    "tools.no_log": ("{name} 还没有说过什么。", "{name} has said nothing yet."),
    "tools.head.name": ("名称", "name"),
    "tools.head.version": ("版本", "version"),
    "tools.head.tools": ("工具", "tools"),
    "tools.head.network": ("网络", "network"),
    "tools.head.confined": ("隔离", "confined"),
    "tools.yes": ("允许", "allowed"),
    "tools.no": ("无", "none"),
    "tools.open": ("未强制", "not enforced"),
    "tools.confined.network": ("断网", "no network"),
    "tools.confined.memory": ("内存上限", "memory limit"),
    "tools.confined.hidden": ("看不到 huiyan 的数据", "huiyan's own data hidden"),
    "tools.confined.contained": ("结束时清除所有进程", "all its processes end with it"),
}
