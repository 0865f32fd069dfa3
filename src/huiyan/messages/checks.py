"""Sentences of the checks before a start: machine, model files, ports, lock, settings."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "machine.ok": (
        "{cores} 个 CPU 核心，内存 {memory}（可用 {available}），磁盘剩余 {disk}，无 NVIDIA 显卡",
        "{cores} CPU cores, {memory} memory ({available} free), {disk} disk free, no NVIDIA GPU",
    ),
    "machine.ok_gpu": (
        "{cores} 个 CPU 核心，内存 {memory}（可用 {available}），磁盘剩余 {disk}，显卡 {gpu}",
        "{cores} CPU cores, {memory} memory ({available} free), {disk} disk free, GPU {gpu}",
    ),
    "machine.gpu_unused": (
        "内置的 llama.cpp 引擎在 CPU 上运行，本次不使用显卡。",
        "The embedded llama.cpp engine runs on the CPU; the GPU stays unused this time.",
    ),
    "machine.data_dir": (
        "无法在数据目录 {path} 中写入：{reason}",
        "The data directory {path} cannot be written: {reason}",
    ),
    "machine.data_dir.hint": (
        '修正它的权限（chown -R "$(id -un)" {quoted}），或换一个目录：huiyan start --data-dir 目录',
        'Mend its permissions (chown -R "$(id -un)" {quoted}), or take another: huiyan start --data-dir DIR',
    ),
    "machine.disk_full": ("{path} 所在的磁盘已满。", "The disk of {path} is full."),
    "machine.disk_full.hint": (
        "清理磁盘（df -h {quoted}），或换一个目录：huiyan start --data-dir 目录",
        "Free some space (df -h {quoted}), or take another directory: huiyan start --data-dir DIR",
    ),
    "machine.disk_low": (
        "{path} 所在的磁盘只剩 {free}，至少需要 {needed}。",
        "The disk of {path} has only {free} left; at least {needed} are needed.",
    ),
    "machine.disk_low.hint": (
        "清理磁盘（df -h {quoted}），或换一个目录：huiyan start --data-dir 目录",
        "Free some space (df -h {quoted}), or take another directory: huiyan start --data-dir DIR",
    ),
    "machine.memory": (
        "模型 {model} 大约需要 {needed} 内存，现在只有 {available} 可用。",
        "The model {model} needs about {needed} of memory; {available} are available.",
    ),
    "machine.memory.hint": (
        "关闭其他程序，减小 HUIYAN_ENGINE__CONTEXT_TOKENS，或换小些的模型（--model-path 文件.gguf）。",
        (
            "Close other programs, or take a smaller (quantised) model: huiyan start --model-path FILE.gguf; "
            "a lower HUIYAN_ENGINE__CONTEXT_TOKENS helps, too."
        ),
    ),
    "model.nano": (
        "内置演示模型 nano（{size}），文件完整",
        "the built-in demo model nano ({size}), its files are whole",
    ),
    "model.ok": ("{name}（{size}），文件完整", "{name} ({size}), its files are whole"),
    "model.wanted": (
        (
            "本机没有 {wanted} 的文件，先由内置演示模型 nano 回答。"
            "下载：页面上的按钮，或 huiyan models pull {wanted}；文件已在别处时用 --model-path 指定。"
        ),
        (
            "The files of {wanted} are not on this machine, so the built-in demo model nano answers. "
            "The page's button fetches them, or huiyan models pull {wanted}; "
            "--model-path names files that are elsewhere."
        ),
    ),
    "model.planned": (
        (
            "这台机器适合运行 {wanted}（下载约 {size}）。点页面上的按钮，或运行 huiyan models pull {wanted}；"
            "在此之前由内置演示模型 nano 回答。"
        ),
        (
            "This machine suits {wanted} (about {size} to fetch): the page's button fetches it, "
            "or huiyan models pull {wanted}. Until then the built-in demo model nano answers."
        ),
    ),
    "model.verifying": ("正在校验模型文件", "verifying the model's files"),
    "model.path_missing": ("找不到模型：{path} 不存在。", "The model is missing: there is no {path}."),
    "model.path_missing.hint": (
        "检查路径，或去掉 --model-path 先用内置演示模型：huiyan start",
        "Check the path, or start with the built-in demo model: huiyan start",
    ),
    "model.unreadable": ("无法读取 {path}：{reason}", "{path} cannot be read: {reason}"),
    "model.unreadable.hint": (
        "让当前用户可以读取它：chmod -R u+rX {quoted}",
        "Make it readable for this user: chmod -R u+rX {quoted}",
    ),
    "model.no_gguf": ("{path} 中没有 .gguf 模型文件。", "There is no .gguf model file in {path}."),
    "model.no_gguf.hint": (
        "把模型的 .gguf 和 mmproj*.gguf 放进这个目录，再运行 huiyan start --model-path {quoted}",
        "Put the model's .gguf and its mmproj*.gguf there, then: huiyan start --model-path {quoted}",
    ),
    "model.safetensors": (
        "{path} 中是 safetensors 权重；内置的 llama.cpp 引擎读取 GGUF。",
        "{path} holds safetensors weights; the embedded llama.cpp engine reads GGUF.",
    ),
    "model.safetensors.hint": (
        (
            "下载同一模型的 GGUF 版本（模型 .gguf 和 mmproj*.gguf），或用 llama.cpp 的 convert_hf_to_gguf.py "
            "转换（再加 --mmproj 转换一次），然后用 --model-path 指定。"
        ),
        (
            "Fetch the model's GGUF edition (model .gguf and mmproj*.gguf), or convert it with llama.cpp's "
            "convert_hf_to_gguf.py (once more with --mmproj), and name the result with --model-path."
        ),
    ),
    "model.several": (
        "{path} 中有多个模型：{names}。",
        "There are several models in {path}: {names}.",
    ),
    "model.several.hint": (
        "直接指定其中一个文件：huiyan start --model-path {quoted}",
        "Name the file that is meant: huiyan start --model-path {quoted}",
    ),
    "model.no_mmproj": (
        "{path} 旁边没有 mmproj*.gguf；没有它模型看不到图片。",
        "There is no mmproj*.gguf beside {path}; without it the model sees no pictures.",
    ),
    "model.no_mmproj.hint": (
        "把同一模型的 mmproj 文件放到 {quoted}，文件名以 mmproj 开头。",
        "Put the same model's mmproj file into {quoted}; its name starts with mmproj.",
    ),
    "model.file_missing": ("模型文件缺失：{detail}", "{detail}"),
    "model.file_missing.hint": (
        "重新安装 huiyan（内置模型），或重新下载该模型。",
        "Install huiyan again (built-in model), or fetch the model again.",
    ),
    "model.mismatch": ("模型文件已损坏：{detail}", "{detail}"),
    "model.mismatch.hint": (
        "删除它并重新下载；如果是内置模型，请重新安装：pip install --force-reinstall huiyan",
        "Delete it and fetch it again; the built-in model: pip install --force-reinstall huiyan",
    ),
    "model.damaged": (
        "模型文件已损坏：{path}（{reason}）",
        "A file of the model is damaged: {path} ({reason})",
    ),
    "model.damaged.hint": (
        "删除它并重新下载；如果是内置模型，请重新安装 huiyan。",
        "Delete it and fetch it again; for the built-in model, install huiyan again.",
    ),
    "port.ok": ("页面 {web}，引擎 {engine}（仅本机）", "page {web}, engine {engine} (this machine only)"),
    "port.moved": (
        "端口 {wanted} 已被占用，改用 {port}。",
        "Port {wanted} is taken; {port} is used instead.",
    ),
    "port.moved_holder": (
        "端口 {wanted} 已被 {name}（进程 {pid}）占用，改用 {port}。",
        "Port {wanted} is taken by {name} (process {pid}); {port} is used instead.",
    ),
    "port.in_use": (
        "指定的端口 {port} 已被占用。",
        "Port {port}, which was asked for, is taken.",
    ),
    "port.in_use.hint": (
        "换一个端口（{flag} {free}），或先结束占用它的程序。",
        "Take another one ({flag} {free}), or end the program that holds it.",
    ),
    "port.in_use_holder": (
        "指定的端口 {port} 已被 {name}（进程 {pid}）占用。",
        "Port {port}, which was asked for, is taken by {name} (process {pid}).",
    ),
    "port.in_use_holder.hint": (
        "换一个端口（{flag} {free}），或先结束进程 {pid}。",
        "Take another one ({flag} {free}), or end process {pid} first.",
    ),
    "port.forbidden": ("无权使用端口 {port}：{reason}", "Port {port} may not be used: {reason}"),
    "port.forbidden.hint": (
        "小于 1024 的端口需要特权；用 {flag} 8000 这样的端口。",
        "Ports below 1024 need privileges; take one like {flag} 8000.",
    ),
    "port.host": (
        "本机没有 {host} 这个地址。",
        "This machine has no address {host}.",
    ),
    "port.host.hint": (
        "只在本机使用：--host 127.0.0.1；让他人也能访问：--host 0.0.0.0",
        "For this machine alone: --host 127.0.0.1; for others, too: --host 0.0.0.0",
    ),
    "port.none_free": ("从 {port} 起没有找到空闲端口。", "No free port was found from {port} on."),
    "port.none_free.hint": ("用 {flag} 0 让系统挑选。", "Let the system choose one: {flag} 0"),
    "lock.running": (
        "数据目录 {path} 已有一个 huiyan 在运行。",
        "A huiyan is already running on the data directory {path}.",
    ),
    "lock.running.hint": (
        "查看：huiyan status；停止：huiyan stop；再开一个：huiyan start --data-dir 另一个目录",
        "See it: huiyan status; stop it: huiyan stop; a second one: huiyan start --data-dir ANOTHER",
    ),
    "lock.running_as": (
        "数据目录 {path} 已有一个 huiyan 在运行（进程 {pid}，{url}）。",
        "A huiyan is already running on the data directory {path} (process {pid}, {url}).",
    ),
    "lock.running_as.hint": (
        "打开 {url}，或停止它：huiyan stop；再开一个：huiyan start --data-dir 另一个目录",
        "Open {url}, or stop it: huiyan stop; a second one: huiyan start --data-dir ANOTHER",
    ),
    "lock.not_running": (
        "数据目录 {path} 上没有 huiyan 在运行。",
        "No huiyan is running on the data directory {path}.",
    ),
    "lock.not_running.hint": ("启动：huiyan start", "Start it: huiyan start"),
    "lock.silent": (
        "进程 {pid} 持有数据目录，但控制通道没有回答。",
        "Process {pid} holds the data directory, but its control socket does not answer.",
    ),
    "lock.silent.hint": (
        "稍等后再试；仍无回答就结束它：kill {pid}",
        "Wait a moment and try again; if it stays silent, end it: kill {pid}",
    ),
}
