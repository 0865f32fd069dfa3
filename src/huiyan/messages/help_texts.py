"""What `--help` says."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "help.huiyan": ("慧眼：自己部署的看图对话工作台。", "huiyan: a self-hosted vision-chat workstation."),
    "help.version": ("显示版本。", "Show the version."),
    "help.start": (
        "检查机器、启动引擎和网关，打开页面；Ctrl-C 停止。",
        "Check the machine, start engine and gateway, serve the page; Ctrl-C stops it.",
    ),
    "help.stop": ("停止正在运行的 huiyan。", "Stop the huiyan that is running."),
    "help.status": ("显示正在运行的部分。", "Show what is running."),
    "help.logs": ("显示启动器、网关和引擎的日志。", "Show the log of launcher, gateway and engine."),
    "help.doctor": (
        "检查机器、模型文件和端口，但不启动。",
        "Check machine, model files and ports without starting anything.",
    ),
    "help.ask": (
        '就图片提一个问题：huiyan ask 图片.jpg … "图里写了什么？"',
        'Ask one question about pictures: huiyan ask picture.jpg … "What is written here?"',
    ),
    "help.serve": (
        "只运行网关和页面，连接到别处的引擎。",
        "Run the gateway and the page alone, with an engine elsewhere.",
    ),
    "help.json": ("输出 JSON，供程序读取。", "Print JSON, for programs."),
    "help.lang": (
        "命令行的语言：zh 或 en；默认随系统。",
        "Language of the command line; the system's by default.",
    ),
    "help.data_dir": ("日志、锁和状态所在的目录。", "Directory for logs, lock and state."),
    "help.config": (
        "设置文件；默认是数据目录中的 huiyan.toml。",
        "Settings file; huiyan.toml in the data directory by default.",
    ),
    "help.model": (
        "要用的模型，例如 Qwen/Qwen3-VL-8B-Instruct；本机没有它的文件时由 nano 回答。",
        "Model to serve, such as Qwen/Qwen3-VL-8B-Instruct; nano answers while its files are not here.",
    ),
    "help.model_path": (
        "GGUF 文件，或含模型 .gguf 和 mmproj*.gguf 的目录。",
        "A .gguf file, or a directory with a model's .gguf and its mmproj*.gguf.",
    ),
    "help.engine": ("用哪个引擎。", "Which engine runs the model."),
    "help.engines": (
        "vLLM 的环境：列出、安装、删除、选用。",
        "Environments that hold vLLM: list, install, remove, use.",
    ),
    "help.engines_list": (
        "列出已有的和可安装的引擎。",
        "List the engines that are there and those to be had.",
    ),
    "help.engines_use": (
        "选用一个已安装的版本，或登记一个装有 vLLM 的解释器。",
        "Use an installed version, or an interpreter that has vLLM.",
    ),
    "help.engines_install": ("按锁文件安装一个引擎。", "Install an engine from its lock file."),
    "help.engines_remove": ("删除一个引擎的环境。", "Remove an engine's environment."),
    "help.engines_path": (
        "解释器的路径，或已安装的版本号。",
        "Path of the interpreter, or an installed version.",
    ),
    "help.engines_name": ("引擎名，可带版本：vllm 或 vllm==0.25.1", "Its name: vllm or vllm==0.25.1"),
    "help.engines_force": ("驱动检查不通过时也安装。", "Install although the driver's check refuses."),
    "help.threads": ("引擎的 CPU 线程数。", "CPU threads of the engine."),
    "help.host": (
        "监听的地址；默认 127.0.0.1，只供本机。0.0.0.0 让他人也能访问，但需要密钥。",
        "Address to listen on; 127.0.0.1, this machine alone. 0.0.0.0 lets others in, with a key.",
    ),
    "help.port": (
        "页面和 API 的端口；默认 8000，被占用时顺延。",
        "Port of page and API; 8000, or the next free one.",
    ),
    "help.engine_port": (
        "引擎的本机端口；默认 3001，被占用时顺延。",
        "Loopback port of the engine; 3001, or the next free one.",
    ),
    "help.timeout_s": ("从命令到就绪最多多少秒。", "Seconds from the command until everything is ready."),
    "help.stop_timeout_s": ("最多等多少秒。", "Seconds to wait for the end."),
    "help.no_browser": ("不要打开浏览器。", "Do not open a browser."),
    "help.detach": ("就绪后转入后台。", "Return when ready, and go on in the background."),
    "help.follow": ("继续显示新的日志，直到 Ctrl-C。", "Go on with new lines until Ctrl-C."),
    "help.lines": (
        "先显示最后多少行；默认 100，有 --since 或 --request 时为全部。",
        "How many of the last lines to show; 100, or all of them with --since or --request.",
    ),
    "help.source": (
        "只看 launcher、gateway、engine、tools 或 browser。",
        "Only launcher, gateway, engine, tools or browser.",
    ),
    "help.level": ("只看这一级及更严重的。", "Only this level and graver ones."),
    "help.request": (
        "只看这个请求（响应头 x-request-id）。",
        "Only what is about this request (its answer's x-request-id).",
    ),
    "help.since": (
        "从何时起：15m、2h、1d，或 2026-01-31T08:00。",
        "From when on: 15m, 2h, 1d, or 2026-01-31T08:00.",
    ),
    "help.workers": (
        "几个网关进程共用一个端口；默认 1。",
        "Gateway processes that share the one port; 1 unless given.",
    ),
    "help.tls_cert": (
        "证书文件（PEM，含中间证书）；与 --tls-key 同用。",
        "Certificate file (PEM, with its intermediates); together with --tls-key.",
    ),
    "help.tls_key": (
        "证书的私钥文件（PEM，无密码）。",
        "The certificate's private key (PEM, without password).",
    ),
    "help.tls_self_signed": (
        "用自签名证书提供 HTTPS，并显示其指纹。",
        "Serve HTTPS with a self-signed certificate, and show its fingerprint.",
    ),
    "help.words": ("图片文件，最后是问题。", "Picture files, and last the question."),
    "help.max_tokens": ("回答最多多少个词元。", "Longest answer, in tokens."),
    "help.engine_url": (
        "引擎的地址，例如 http://127.0.0.1:3001；可写多次，由它们分担请求。",
        "Where the engine is, such as http://127.0.0.1:3001; several share the load.",
    ),
    "help.engine_key_file": ("引擎密钥所在的文件。", "File that holds the engine's key."),
    "help.replicas_url": (
        "从这个地址取得引擎列表并跟随其变化，例如 http://127.0.0.1:8100/huiyan/replicas。",
        "Ask here which engines there are, and follow, such as http://127.0.0.1:8100/huiyan/replicas.",
    ),
    "help.replicas_secret_file": (
        "取引擎列表所用密钥的文件。",
        "File that holds the secret for the list of engines.",
    ),
    "help.cluster": (
        "多台机器上的引擎：通过 Ray Serve 部署、查看、伸缩、撤下。",
        "Engines on several machines through Ray Serve: deploy, look, scale, take away.",
    ),
    "help.cluster_up": (
        "部署引擎副本（没有 --address 时在本机起一个 Ray），并给出网关的启动命令。",
        "Deploy engine replicas, without --address on a Ray of this machine; says how to start the gateway.",
    ),
    "help.cluster_status": (
        "副本、节点与引擎列表的地址。",
        "Replicas, nodes, and where the engines are listed.",
    ),
    "help.cluster_scale": (
        "改变副本数；正在写的回答会写完。",
        "Change the number of replicas; answers under way are finished.",
    ),
    "help.cluster_down": (
        "撤下全部副本；本机的 Ray 一并结束。",
        "Take all replicas away, and end the Ray of this machine.",
    ),
    "help.cluster_llm": (
        "按规划生成 Ray Serve LLM（vLLM，显卡）的部署文件。",
        "Write the file that deploys vLLM on GPUs through Ray Serve LLM, as the planner has it.",
    ),
    "help.cluster_address": (
        "已有 Ray 集群的头节点 HOST:PORT；不写则在本机起一个。",
        "HOST:PORT of the head of a Ray cluster; without it, one on this machine is started.",
    ),
    "help.cluster_name": ("部署的名字。", "Name of the deployment."),
    "help.cluster_replicas": ("任何时候的副本数。", "Replicas at all times."),
    "help.cluster_max_replicas": ("繁忙时最多多少副本。", "Replicas at most, when there is much to do."),
    "help.cluster_lock": (
        "models.lock：每个节点自己按它取模型并校验。",
        "models.lock by which each node fetches and checks the model itself.",
    ),
    "help.cluster_to": ("副本数。", "How many replicas."),
    "help.cluster_accelerator": (
        "Ray 对显卡型号的叫法，例如 A10G、L4、H100；不写则不限型号。",
        "Ray's name of the GPU, such as A10G, L4, H100; without it, any GPU.",
    ),
    "help.cluster_model_dir": (
        "各节点上模型所在的目录（models pull --locked 之后的路径）。",
        "Directory with the model on every node (as `models pull --locked` made it).",
    ),
    "help.cluster_out": ("写到这个文件。", "Write it to this file."),
    "help.context_tokens": ("该引擎的上下文长度。", "Context of that engine, in tokens."),
    "help.plan": (
        "规划：这台机器（或另一块显卡）能跑什么，以及引擎的参数。",
        "What this machine, or another card, can run, and the engine's flags for it.",
    ),
    "help.profile": (
        "用途：auto、rtx3060-12g、rtx4090-24g、a10-shared-24g、h100-80g、offline。",
        "What for: auto, rtx3060-12g, rtx4090-24g, a10-shared-24g, h100-80g, offline.",
    ),
    "help.users": ("同时使用的人数。", "People who use it at the same time."),
    "help.images": ("一个请求里的图片张数。", "Pictures in one request."),
    "help.image_size": ("图片的尺寸（像素），例如 1920x1080。", "Size of a picture in pixels: 1920x1080."),
    "help.context": ("一个请求的上下文，含回答。", "Context of one request in tokens, its answer included."),
    "help.plan_model": (
        "为哪个模型规划：2B、4B、8B、32B，模型全名，或模型目录。",
        "Model to plan for: 2B, 4B, 8B, 32B, a hub name, or a model's directory.",
    ),
    "help.gpu": (
        "为另一块显卡规划，写成 名称:显存:计算能力，例如 'RTX 3090:24GiB:8.6'。",
        "Plan for another card, NAME:MEMORY:CAPABILITY: 'RTX 3090:24GiB:8.6'.",
    ),
}
