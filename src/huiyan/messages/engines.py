"""Sentences about engine environments, directories for vLLM, and the change from one model to another."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "engines.built_in": ("* llama.cpp（随 huiyan 安装）", "* llama.cpp (comes with huiyan)"),
    "engines.row": (
        "{mark} {name} {version}（torch {torch}）：{path}",
        "{mark} {name} {version} (torch {torch}): {path}",
    ),
    "engines.row_available": (
        "  {name} {version}（torch {torch}）：可安装",
        "  {name} {version} (torch {torch}): can be installed",
    ),
    "engines.row_not_run": (
        "  {name} {version}（torch {torch}）：依赖可解析，未在显卡上运行过",
        "  {name} {version} (torch {torch}): not tried on a GPU yet",
    ),
    "engines.used": (
        "将使用 vLLM {version}（torch {torch}）：{path}",
        "vLLM {version} (torch {torch}) will be used: {path}",
    ),
    "engines.unknown": ("没有叫 {name} 的引擎。", "There is no engine called {name}."),
    "engines.unknown.hint": ("可安装的有：{names}", "Those that can be installed: {names}"),
    "engines.no_driver": (
        "这台机器没有 NVIDIA 驱动，vLLM 无法运行。",
        "This machine has no NVIDIA driver, so vLLM cannot run.",
    ),
    "engines.no_driver.hint": (
        "装好 {needed} 或更新的驱动再试；没有显卡时用内置的 llama.cpp。仍要安装：加 --force",
        "Install driver {needed} or newer first; without a GPU, llama.cpp serves. Anyway: --force",
    ),
    "engines.driver_old": (
        "显卡驱动 {found} 太旧：这个 vLLM 的 torch {torch} 需要 {needed}。",
        "The NVIDIA driver {found} is too old: torch {torch} of this vLLM needs {needed}.",
    ),
    "engines.driver_old.hint": (
        "更新显卡驱动到 {needed} 或更新的版本，重启机器，再运行这个命令。",
        "Update the driver to {needed} or newer, restart the machine, then run this command again.",
    ),
    "engines.no_uv": ("找不到 uv。", "uv was not found."),
    "engines.no_uv.hint": ("安装它：pip install uv", "Install it: pip install uv"),
    "engines.uv_failed": ("uv 没有完成：{reason}", "uv did not finish: {reason}"),
    "engines.uv_failed.hint": (
        "检查网络、磁盘空间和 uv 的索引设置（UV_DEFAULT_INDEX），再运行一次。",
        "Check network, disk space and uv's index (UV_DEFAULT_INDEX), then run it again.",
    ),
    "engines.installed": ("已安装 vLLM {version}：{path}", "vLLM {version} is installed: {path}"),
    "engines.removed": ("已删除 vLLM {version}。", "vLLM {version} is removed."),
    "engines.not_there": ("没有安装 {name}。", "{name} is not installed."),
    "engines.not_there.hint": ("已有的引擎：huiyan engines list", "What is there: huiyan engines list"),
    "engines.none": ("这台机器上还没有安装 vLLM。", "vLLM is not installed on this machine."),
    "engines.none.hint": (
        "安装它：huiyan engines install vllm；已有 vLLM 的解释器可登记：huiyan engines use PATH",
        "Install it: huiyan engines install vllm; or name an interpreter with it: huiyan engines use PATH",
    ),
    "engines.registry": ("无法读取 {path}：{reason}", "{path} cannot be read: {reason}"),
    "engines.registry.hint": (
        "删除这个文件，再登记一次：huiyan engines use PATH",
        "Delete the file, then register again: huiyan engines use PATH",
    ),
    "engines.no_interpreter": (
        "{path} 不是可用的 Python 解释器：{reason}",
        "{path} is no Python interpreter that works: {reason}",
    ),
    "engines.no_interpreter.hint": (
        "给出装有 vLLM 的环境里的 bin/python。",
        "Give the bin/python of the environment that has vLLM.",
    ),
    "engines.no_vllm": ("{path} 里没有 vLLM。", "{path} has no vLLM."),
    "engines.no_vllm.hint": (
        "换一个解释器，或安装 huiyan 自己的：huiyan engines install vllm",
        "Take another interpreter, or install huiyan's own: huiyan engines install vllm",
    ),
    "safetensors.no_vision": (
        "{path} 描述的不是能看图的模型。",
        "{path} describes no model that reads pictures.",
    ),
    "safetensors.no_vision.hint": (
        "换一个能看图的模型，例如 Qwen/Qwen3-VL-8B-Instruct。",
        "Take one that does: Qwen/Qwen3-VL-8B-Instruct, for one.",
    ),
    "safetensors.outside": (
        "{path} 列出了目录之外的文件。",
        "{path} names files outside of its directory.",
    ),
    "safetensors.outside.hint": ("重新下载这个模型。", "Fetch the model again."),
    "safetensors.missing": ("{path} 缺少 {names}。", "{path} lacks {names}."),
    "safetensors.missing.hint": (
        "重新下载这个模型；已有的文件会保留。",
        "Fetch the model again; files that are there already are kept.",
    ),
    "safetensors.damaged": ("{path} 已损坏：{reason}", "{path} is damaged: {reason}"),
    "safetensors.damaged.hint": ("重新下载这个文件。", "Fetch it again."),
    "model.vllm_gguf": (
        "vLLM 不能运行 GGUF 文件：{path}",
        "vLLM does not run GGUF files: {path}",
    ),
    "model.vllm_gguf.hint": (
        "给出含 config.json 和 *.safetensors 的目录，或改用 --engine llama_cpp",
        "Give a directory with config.json and *.safetensors, or take --engine llama_cpp",
    ),
    "model.vllm_which": ("没有说明 vLLM 要运行哪个模型。", "Which model vLLM is to run was not said."),
    "model.vllm_fetch": (
        "没有说明 vLLM 要运行哪个模型；适合这台机器的 {id} 尚未下载。",
        "Which model vLLM is to run was not said, and {id}, which suits this machine, is not fetched yet.",
    ),
    "model.vllm_fetch.hint": (
        "先下载：huiyan models pull {id}；或给出模型目录：huiyan start --engine vllm --model-path 目录",
        (
            "Fetch it: huiyan models pull {id}; or name a directory: "
            "huiyan start --engine vllm --model-path DIRECTORY"
        ),
    ),
    "model.vllm_which.hint": (
        "给出模型目录：huiyan start --engine vllm --model-path 目录",
        "Name its directory: huiyan start --engine vllm --model-path DIRECTORY",
    ),
    "ask.vllm": (
        "单独提一个问题时不启动 vLLM：它启动要几分钟。",
        "vLLM is not started for a single question: that takes minutes.",
    ),
    "ask.vllm.hint": (
        "先运行 huiyan start，再用 huiyan ask 提问；或给出 GGUF 模型。",
        "Run huiyan start first and ask then; or name a GGUF model.",
    ),
    "plan.vllm": (
        "方案：vLLM {version}，模型 {model}，上下文 {context} 个词元，每次最多 {images} 张图",
        "plan: vLLM {version}, model {model}, context {context} tokens, up to {images} pictures a request",
    ),
    "plan.vllm_refused": (
        "{model} 在这块显卡上放不下：{reason}",
        "{model} does not fit this card: {reason}",
    ),
    "plan.vllm_refused.hint": (
        "huiyan plan 会列出能放下的模型、量化和上下文；也可以结束占用显存的程序。",
        "huiyan plan lists what fits, with which weights and context; or end what holds the card's memory.",
    ),
    "plan.random": (
        "权重是随机的：回答没有意义，只用于测速。",
        "The weights are random: its answers mean nothing, only its speed does.",
    ),
    "switch.begins": (
        "正在后台准备 {model}，现在的模型继续回答。",
        "{model} is being made ready; the present model goes on answering.",
    ),
    "switch.done": (
        "现在由 {model} 回答；进行中的回答由原来的模型写完。",
        "{model} answers from now on; answers under way are finished by the model that began them.",
    ),
    "switch.failed": (
        "{model} 没有就绪，继续使用现在的模型：{cause}",
        "{model} did not become ready, the present model stays: {cause}",
    ),
    "switch.cancelled": ("已取消", "cancelled"),
    "switch.busy": ("正在更换模型，请稍候。", "A model is being changed already; wait for it."),
    "switch.busy.hint": (
        "完成后再试：huiyan status 可查看。",
        "Try again when it is done: huiyan status tells.",
    ),
    "port.ok_web": ("页面 {web}，引擎用私有套接字", "page {web}, engine on a private socket"),
    "vllm_importing": ("正在载入 vLLM", "importing vLLM"),
    "vllm_loading_weights": ("正在加载权重", "loading weights"),
    "vllm_profiling": ("正在测量显存", "measuring memory"),
    "vllm_compiling": ("正在编译", "compiling"),
    "vllm_capturing_graphs": ("正在录制 CUDA 图", "capturing CUDA graphs"),
    "vllm_starting_server": ("正在启动服务", "starting its server"),
    "warming_up": ("正在预热", "warming up"),
    "engine.lowered": (
        "{cause}已降低一档再试：{step}",
        "{cause} It is tried again with less: {step}",
    ),
    "engine.engine_gpu_out_of_memory": ("显存不够（{detail}）", "{detail}"),
    "engine.engine_gpu_out_of_memory.hint": (
        "换量化模型，减少图片数或上下文；huiyan plan 会列出能放下的组合。",
        "Take a quantised model, fewer pictures or a smaller context: huiyan plan says what fits.",
    ),
    "engine.engine_gpu_busy": ("显卡被其他程序占用（{detail}）", "{detail}"),
    "engine.engine_gpu_busy.hint": (
        "结束占用显卡的程序（nvidia-smi 可查看），或用共享显卡的档位。",
        "End the other program (nvidia-smi names it), or take the profile for shared cards.",
    ),
    "engine.engine_context_too_large": ("剩余显存放不下这么长的上下文（{detail}）", "{detail}"),
    "engine.engine_context_too_large.hint": (
        "减小 HUIYAN_ENGINE__CONTEXT_TOKENS，或换量化模型：huiyan plan 会列出两者。",
        "Lower HUIYAN_ENGINE__CONTEXT_TOKENS or take a quantised model: huiyan plan lists both.",
    ),
    "engine.engine_driver": ("显卡驱动不能运行这个引擎（{detail}）", "{detail}"),
    "engine.engine_driver.hint": (
        "huiyan doctor 会说明需要哪个驱动；更新驱动后重启机器。",
        "huiyan doctor says which driver it needs; restart the machine after updating it.",
    ),
    "engine.engine_gpu_too_old": ("显卡太旧（{detail}）", "{detail}"),
    "engine.engine_gpu_too_old.hint": (
        "huiyan plan 会说明这块显卡能运行什么。",
        "huiyan plan says what this card can run.",
    ),
    "engine.engine_gpu_fault": ("显卡报告故障（{detail}）", "{detail}"),
    "engine.engine_gpu_fault.hint": (
        "若再次出现，请查看 dmesg 里的 Xid 行并检测显卡。",
        "If it comes again, look for Xid lines in dmesg and let the card be tested.",
    ),
    "engine.engine_disk_full": ("磁盘已满（{detail}）", "{detail}"),
    "engine.engine_disk_full.hint": (
        "腾出空间：huiyan doctor 会列出磁盘；引擎缓存在 ~/.cache/vllm。",
        "Make room: huiyan doctor shows the disks; the engine's caches lie in ~/.cache/vllm.",
    ),
    "engine.engine_port": ("引擎的地址被占用（{detail}）", "{detail}"),
    "engine.engine_port.hint": (
        "停止占用它的程序，或换端口：HUIYAN_ENGINE__PORT=0",
        "Stop what listens there, or take another port: HUIYAN_ENGINE__PORT=0",
    ),
    "engine.engine_flags": ("vLLM 不接受这些设置（{detail}）", "{detail}"),
    "engine.engine_flags.hint": (
        "去掉 HUIYAN_ENGINE__EXTRA_FLAGS 里的选项再试。",
        "Take the options in HUIYAN_ENGINE__EXTRA_FLAGS out and try again.",
    ),
}
