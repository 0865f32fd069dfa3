"""Sentences of the other commands."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "error": ("出错：{message}", "Error: {message}"),
    "usage.command": ("没有这个命令：{name}。", "There is no command {name}."),
    "usage.option": ("没有这个选项：{name}。", "There is no option {name}."),
    "usage.near": ("您要的是不是 {near}？", " Did you mean {near}?"),
    "usage.missing": ("缺少 {name}。", "{name} is missing."),
    "usage.missing_command": ("缺少子命令。", "A command is missing."),
    "usage.no_value": ("{name} 后面缺少值。", "{name} needs a value after it."),
    "usage.too_many": ("多出来的参数：{name}", "This is too much: {name}"),
    "usage.value": ("{name} 的值不对：{reason}", "The value of {name} does not fit: {reason}"),
    "usage.look": ("{command} --help", "{command} --help"),
    "interrupted": ("已中断。可以放心地再运行一次。", "Interrupted. It is safe to run it again."),
    "stop.done": ("huiyan 已停止（进程 {pid}）。", "huiyan has stopped (process {pid})."),
    "stop.none": ("没有在运行的 huiyan。", "No huiyan is running."),
    "stop.timeout": (
        "进程 {pid} 在 {seconds} 秒内没有停下来。",
        "Process {pid} did not stop within {seconds} s.",
    ),
    "stop.timeout.hint": ("结束它：kill {pid}", "End it: kill {pid}"),
    "status.url": ("页面和 API：{url}", "page and API: {url}"),
    "status.model": ("模型：{name}，上下文 {context} 个词元", "model: {name}, context {context} tokens"),
    "status.wanted": (
        "（想要的是 {wanted}，文件不在本机）",
        " (asked for: {wanted}, whose files are not here)",
    ),
    "status.planned": (
        "（这台机器适合 {wanted}，尚未下载）",
        " (this machine suits {wanted}, which is not fetched yet)",
    ),
    "status.part": (
        "{part}：{state}（进程 {pid}，重启 {restarts} 次）",
        "{part}: {state} (process {pid}, {restarts} restarts)",
    ),
    "status.since": ("启动于 {when}，进程 {pid}", "started {when}, process {pid}"),
    "status.data_dir": ("数据目录：{path}", "data directory: {path}"),
    "logs.none": ("还没有日志：{path}", "There is no log yet: {path}"),
    "logs.none.hint": ("先启动：huiyan start", "Start it first: huiyan start"),
    "logs.since": (
        "看不懂的时间：{text}。写成 15m、2h、1d，或 2026-01-31T08:00。",
        "No moment: {text}. Write 15m, 2h, 1d, or 2026-01-31T08:00.",
    ),
    "doctor.ok": ("正常", "ok"),
    "doctor.warning": ("注意", "note"),
    "doctor.failed": ("不通过", "refused"),
    "doctor.running": ("正在运行：{url}，引擎{state}", "running: {url}, the engine is {state}"),
    "doctor.not_running": ("没有在运行", "not running"),
    "doctor.layer.launcher": ("运行状态", "launcher"),
    "doctor.layer.page": ("页面文件", "page files"),
    "doctor.layer.certificate": ("证书", "certificate"),
    "doctor.page": ("已随包安装", "installed with the package"),
    "doctor.no_page": ("包里没有构建好的页面。", "The package has no built page."),
    "doctor.no_page.hint": (
        "重新安装：pip install --force-reinstall huiyan",
        "Install again: pip install --force-reinstall huiyan",
    ),
    "doctor.all_ok": ("一切正常，可以启动：huiyan start", "All is well; start it with: huiyan start"),
    "doctor.all_ok_running": ("一切正常，正在运行：{url}", "All is well, and it is running: {url}"),
    "doctor.refused": ("{count} 项检查不通过。", "{count} checks refused."),
    "doctor.refused.hint": ("按上面各项的说明处理后再试。", "Mend what is named above, then try again."),
    "ask.starting": (
        "没有在运行的 huiyan，临时启动引擎……",
        "No huiyan is running; an engine is started for this question…",
    ),
    "ask.no_file": ("找不到图片文件：{path}", "There is no picture file {path}"),
    "ask.no_file.hint": ("检查路径。", "Check the path."),
    "ask.unreadable": ("无法读取 {path}：{reason}", "{path} cannot be read: {reason}"),
    "ask.unreadable.hint": (
        "让当前用户可以读取它：chmod u+r {quoted}",
        "Make it readable for this user: chmod u+r {quoted}",
    ),
    "ask.too_many": (
        "这个模型一次最多看 {limit} 张图片，给了 {count} 张。",
        "This model takes at most {limit} pictures, {count} were given.",
    ),
    "ask.too_many.hint": ("少给几张。", "Give it fewer."),
    "ask.empty": ("没有问题。", "There is no question."),
    "ask.empty.hint": (
        '写上问题：huiyan ask 图片.jpg "图里写了什么？"',
        'Write it last: huiyan ask picture.jpg "What is written here?"',
    ),
    "ask.lost": ("回答中断：{reason}", "The answer broke off: {reason}"),
    "ask.lost.hint": ("再问一次；huiyan logs 中有原因。", "Ask again; `huiyan logs` shows why."),
    "ask.demo": ("（由演示模型 nano 回答）", "(answered by the demo model nano)"),
    "serve.serving": ("网关：{url}，引擎 {engine}", "gateway: {url}, engine {engine}"),
    "serve.engine_twice": ("引擎 {url} 写了两次。", "The engine {url} is named twice."),
    "serve.engine_twice.hint": ("每个引擎只写一次。", "Name each engine once."),
    "serve.backends": (
        "设置 gateway.traffic.backends 写的是别处的引擎，start 却要启动自己的引擎。",
        "The setting gateway.traffic.backends names engines elsewhere, but start runs one of its own.",
    ),
    "serve.backends.hint": (
        "用 huiyan serve 连接它们，或去掉这个设置。",
        "Serve them with `huiyan serve`, or remove the setting.",
    ),
    "serve.engine_url": ("引擎地址不对：{url}", "That is no engine's address: {url}"),
    "serve.engine_url.hint": (
        "写成 http://主机:端口，不带路径。",
        "Write it as http://HOST:PORT, without a path.",
    ),
    "serve.two_lists": (
        "--engine-url 与 --replicas-url 只能用一个。",
        "--engine-url and --replicas-url cannot be used together.",
    ),
    "serve.two_lists.hint": (
        "固定的引擎用 --engine-url，会变化的用 --replicas-url。",
        "Name engines that stay with --engine-url, or where a changing list of them is with --replicas-url.",
    ),
    "serve.replicas_url": ("引擎列表的地址不对：{url}", "That is no address of a list of engines: {url}"),
    "serve.replicas_url.hint": (
        "写成 http://主机:端口/路径；huiyan cluster status 会显示它。",
        "Write it as http://HOST:PORT/PATH; `huiyan cluster status` shows it.",
    ),
    "settings.unknown": (
        "没有这个设置：{name}（来自 {source}）",
        "There is no setting {name} (from {source})",
    ),
    "settings.unknown.hint": ("您是不是想写 {nearest}？", "Did you mean {nearest}?"),
    "settings.invalid": (
        "设置 {name} 的值不对：{reason}",
        "The setting {name} has an impossible value: {reason}",
    ),
    "settings.invalid.hint": ("改正它：{where}", "Correct it: {where}"),
    "settings.file": (
        "无法读取设置文件 {path}：{reason}",
        "The settings file {path} cannot be read: {reason}",
    ),
    "settings.file.hint": (
        "改正该文件，或用 --config 指定另一个。",
        "Correct the file, or name another one with --config.",
    ),
    "settings.data_dir_in_file": (
        "设置文件 {path} 里不能写 data_dir。",
        "data_dir cannot stand in the settings file {path}.",
    ),
    "settings.data_dir_in_file.hint": (
        "用 --data-dir 或 HUIYAN_DATA_DIR 指定数据目录。",
        "Name the data directory with --data-dir or HUIYAN_DATA_DIR.",
    ),
}
