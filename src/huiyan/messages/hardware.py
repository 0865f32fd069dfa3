"""Sentences of `huiyan doctor` about the machine: what each part is, and what mends it."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "hardware.cpu": (
        "{name}，{cores} 个可用核心（共 {logical} 个），指令集 {features}",
        "{name}, {cores} of {logical} cores to use, instructions {features}",
    ),
    "hardware.cpu_slow": (
        "{name}，{cores} 个可用核心，没有 AVX2、AVX-512 或 NEON：llama.cpp 会慢几倍",
        "{name}, {cores} cores to use, without AVX2, AVX-512 or NEON: llama.cpp is several times slower",
    ),
    "hardware.cpu_slow.hint": (
        "用内置的 nano 或 2B 模型；虚拟机请把 CPU 类型设为 host。",
        "Take nano or a 2B model; in a virtual machine, set the CPU type to `host`.",
    ),
    "hardware.memory": ("{total}，可用 {free}", "{total}, {free} free"),
    "hardware.memory_low": (
        "{total}，只有 {free} 可用：只够内置的 nano",
        "{total}, only {free} free: enough for nano alone",
    ),
    "hardware.memory_low.hint": (
        "关闭别的程序；容器请放宽内存限制（docker run --memory）。",
        "Close other programs; raise a container's limit (docker run --memory).",
    ),
    "hardware.unlimited": ("没有限制", "no limits"),
    "hardware.limited": (
        "限制：内存 {memory}，CPU {cpus}",
        "limits: memory {memory}, CPUs {cpus}",
    ),
    "hardware.disk": (
        "{path} 所在磁盘剩余 {free}（{filesystem}）",
        "{free} free on the disk of {path} ({filesystem})",
    ),
    "hardware.disk_low": (
        "{path} 所在磁盘只剩 {free}；8B 模型连同引擎要 {enough}",
        "only {free} free on the disk of {path}; an 8B model with its engine takes {enough}",
    ),
    "hardware.disk_low.hint": (
        "清理磁盘，或把数据目录放到别处：--data-dir 目录。内置的 nano 不需要空间。",
        "Free some space, or put the data elsewhere: --data-dir DIR. The built-in nano needs none.",
    ),
    "hardware.disk_remote": (
        "{path} 在网络磁盘上（{filesystem}），剩余 {free}：加载模型会很慢",
        "{path} is on a network disk ({filesystem}), {free} free: loading a model will be slow",
    ),
    "hardware.disk_remote.hint": (
        "把数据目录放到本地磁盘：--data-dir 目录，或用 --profile offline（先整个读入内存）。",
        "Put the data on a local disk: --data-dir DIR, or use --profile offline (reads ahead).",
    ),
    "hardware.no_gpu": (
        "没有 NVIDIA 显卡（{reason}），由 CPU 回答",
        "no NVIDIA GPU ({reason}); the CPU answers",
    ),
    "hardware.gpu_silent": (
        "有 {count} 块 NVIDIA 显卡，但驱动没有应答（{reason}）",
        "{count} NVIDIA cards are there, but no driver answers ({reason})",
    ),
    "hardware.gpu_silent.hint": (
        (
            "安装驱动（Ubuntu：sudo ubuntu-drivers install，然后重启）；"
            "容器请加 --gpus all 启动。检查：nvidia-smi"
        ),
        (
            "Install the driver (Ubuntu: sudo ubuntu-drivers install, then reboot); "
            "start a container with --gpus all. Check with: nvidia-smi"
        ),
    ),
    "hardware.gpu_lost": (
        "有显卡没有应答：{reason}",
        "a card does not answer: {reason}",
    ),
    "hardware.gpu_lost.hint": (
        "重启机器；仍不应答就检查供电和插槽（dmesg | grep -i xid）。",
        "Reboot; if it stays silent, look at its power and slot (dmesg | grep -i xid).",
    ),
    "hardware.gpu_notes": (
        "{index} 号卡有驱动不肯说的：{notes}",
        "card {index}: the driver does not tell everything ({notes})",
    ),
    "hardware.driver": (
        "{driver}，支持到 CUDA {cuda}（vLLM 需要 {needed} 以上，CUDA {needed_cuda}）",
        "{driver}, up to CUDA {cuda} (vLLM needs {needed} or later, CUDA {needed_cuda})",
    ),
    "hardware.driver_old": (
        "{driver} 太旧（到 CUDA {cuda}）：vLLM 的 torch 为 CUDA {needed_cuda} 编译，需要 {needed} 以上",
        "{driver} is too old (up to CUDA {cuda}): vLLM's torch is for CUDA {needed_cuda} and needs {needed}",
    ),
    "hardware.driver_old.hint": (
        ("升级驱动后重启（Ubuntu：sudo apt install nvidia-driver-{needed}-open）；在此之前由 CPU 回答。"),
        (
            "Upgrade the driver and reboot (Ubuntu: sudo apt install nvidia-driver-{needed}-open); "
            "the CPU answers until then."
        ),
    ),
    "hardware.gpu": (
        "{index} 号卡 {name}，显存 {total}，空闲 {free}，计算能力 {capability}",
        "card {index}: {name}, {total}, {free} free, compute capability {capability}",
    ),
    "hardware.gpu_old": (
        "{index} 号卡 {name} 的计算能力是 {capability}；vLLM 的 bf16 需要 8.0",
        "card {index}: {name} has compute capability {capability}; bf16 in vLLM needs 8.0",
    ),
    "hardware.gpu_old.hint": (
        "用 CPU 的 llama.cpp（默认），或换 RTX 30 系列、A10 以后的显卡。",
        "Use llama.cpp on the CPU (the default), or a card from RTX 30 or A10 on.",
    ),
    "hardware.gpu_small": (
        "{index} 号卡 {name} 的显存 {total} 放不下任何一个模型",
        "card {index}: {name}, whose {total} hold none of the models",
    ),
    "hardware.gpu_small.hint": (
        "看看还差多少：huiyan plan；由 CPU 回答不受影响。",
        "See what is missing: huiyan plan; the CPU answers all the same.",
    ),
    "hardware.gpu_full": (
        "{index} 号卡 {name} 的 {total} 只剩 {free}，占用者：{holders}",
        "card {index}: {name}, only {free} of {total} free; held by {holders}",
    ),
    "hardware.gpu_full.hint": (
        "结束不再需要的进程（例如 kill {pid}），再看：huiyan plan",
        "End what is no longer needed (such as kill {pid}), then look again: huiyan plan",
    ),
    "hardware.gpu_full_hidden": (
        "{index} 号卡 {name} 的 {total} 只剩 {free}；看不到是谁占用的",
        "card {index}: {name}, only {free} of {total} free; who holds it cannot be seen",
    ),
    "hardware.gpu_full_hidden.hint": (
        "在宿主机上查看：nvidia-smi；容器里看不到别的容器的进程。",
        "Look on the host: nvidia-smi; a container does not see the processes of others.",
    ),
    "hardware.gpu_mig": (
        "{index} 号卡 {name} 处于 MIG 模式，实例：{names}",
        "card {index}: {name} is in MIG mode, with {names}",
    ),
    "hardware.gpu_mig_empty": (
        "{index} 号卡 {name} 处于 MIG 模式，但没有实例，谁也用不了",
        "card {index}: {name} is in MIG mode without any instance: nothing can use it",
    ),
    "hardware.gpu_mig_empty.hint": (
        (
            "建一个实例（sudo nvidia-smi mig -i {index} -cgi 0 -C），"
            "或关闭 MIG：sudo nvidia-smi -i {index} -mig 0"
        ),
        "Make one: sudo nvidia-smi mig -i {index} -cgi 0 -C, or leave MIG: sudo nvidia-smi -i {index} -mig 0",
    ),
    "hardware.plan_gpu": (
        "vLLM，{model} {weights}，上下文 {context}，同时 {at_once} 个三图请求",
        "vLLM, {model} {weights}, context {context}, {at_once} requests of three pictures at once",
    ),
    "hardware.plan_cpu": (
        "llama.cpp，{model}（4 位），每秒约 {low} 到 {high} 个词元",
        "llama.cpp, {model} at 4 bits, some {low} to {high} tokens/s",
    ),
    "hardware.plan_nano": (
        "只够内置的演示模型 nano",
        "only the built-in demo model nano fits",
    ),
    "hardware.plan_nano.hint": (
        "看看还差多少：huiyan plan",
        "See what is missing: huiyan plan",
    ),
    "doctor.layer.cpu": ("处理器", "processor"),
    "doctor.layer.memory": ("内存", "memory"),
    "doctor.layer.container": ("容器", "container"),
    "doctor.layer.disk": ("磁盘", "disk"),
    "doctor.layer.gpu": ("显卡", "GPU"),
    "doctor.layer.driver": ("显卡驱动", "GPU driver"),
    "doctor.layer.plan": ("规划", "plan"),
    "doctor.layer.engine": ("引擎", "engine"),
    "doctor.engine": (
        "内置的 llama.cpp（xllamacpp {version}）",
        "the built-in llama.cpp (xllamacpp {version})",
    ),
    "doctor.no_engine": ("llama.cpp 没有安装。", "llama.cpp is not installed."),
    "doctor.no_engine.hint": (
        "重新安装：pip install --force-reinstall xllamacpp",
        "Install it again: pip install --force-reinstall xllamacpp",
    ),
}
