"""Sentences of the planner: why a configuration does not fit."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "plan.why.capability": (
        "显卡的计算能力是 {found}，bf16 至少需要 {needed}",
        "the card has compute capability {found}; bf16 needs {needed}",
    ),
    "plan.why.fp_kv": (
        "显卡的计算能力是 {found}，fp8 缓存至少需要 {needed}",
        "the card has compute capability {found}; an fp8 cache needs {needed}",
    ),
    "plan.why.context": (
        "模型最多支持 {native} 个词元的上下文，要求的是 {asked}",
        "the model takes {native} tokens of context at most; {asked} were asked for",
    ),
    "plan.why.busy": (
        "显卡只剩 {free}，启动时就要占用 {needed}",
        "only {free} of the card are free; {needed} are taken at the start",
    ),
    "plan.why.weights": (
        "权重 {weights} 加上计算所需的 {activation}，{requested} 里没有留给缓存的空间",
        "weights {weights} and working memory {activation} leave no cache within {requested}",
    ),
    "plan.why.cache": (
        "一个 {context} 词元的请求需要 {needed} 缓存，只剩 {left}（{tokens} 个词元）",
        "one request of {context} tokens needs {needed} of cache; {left} are left ({tokens} tokens)",
    ),
    "plan.why.headroom": (
        "看图和 CUDA 图另需 {beyond}，只剩 {left}",
        "looking at pictures and CUDA graphs need another {beyond}; {left} are left",
    ),
    "plan.no_config": (
        "{path} 不存在，看不出模型的大小。",
        "There is no {path}, so the model's size is unknown.",
    ),
    "plan.no_config.hint": (
        "指定模型所在的目录，或用名称规划：huiyan plan --model 8B",
        "Name the model's directory, or plan by name: huiyan plan --model 8B",
    ),
    "plan.bad_config": ("无法读取 {path}：{reason}", "{path} cannot be read: {reason}"),
    "plan.bad_config.hint": (
        "重新下载这个模型，或用名称规划：huiyan plan --model 8B",
        "Fetch the model again, or plan by name: huiyan plan --model 8B",
    ),
    "plan.why.images": (
        "{images} 张 {size} 的图片连同文字需要 {needed} 个词元，上下文只有 {context}（最多 {most} 张）",
        "{images} pictures of {size} with text: {needed} tokens; the context has {context} (at most {most})",
    ),
    "plan.why.users": (
        "缓存同时只容得下 {found} 个这样的请求，需要 {users} 个",
        "the cache holds {found} such requests at once; {users} are wanted",
    ),
    "plan.why.memory": (
        "需要 {needed} 内存，除去系统所需只剩 {free}",
        "{needed} of memory are needed; {free} are left beside the system",
    ),
    "plan.no_profile": (
        "没有名为 {name} 的配置。有：{names}",
        "There is no profile {name}. There are: {names}",
    ),
    "plan.no_profile.hint": ("您是不是想写 --profile {nearest}？", "Did you mean --profile {nearest}?"),
    "plan.bad_card": ("看不懂的显卡：{text}", "That describes no card: {text}"),
    "plan.bad_card.hint": (
        "写成 名称:显存:计算能力，例如 --gpu 'RTX 3090:24GiB:8.6'",
        "Write NAME:MEMORY:CAPABILITY, such as --gpu 'RTX 3090:24GiB:8.6'",
    ),
    "plan.bad_size": ("看不懂的图片尺寸：{text}", "That is no size of a picture: {text}"),
    "plan.bad_size.hint": (
        "写成 宽x高（像素）：--image-size 1920x1080",
        "Write WIDTHxHEIGHT in pixels: --image-size 1920x1080",
    ),
    "plan.no_model": (
        "不认识的模型：{name}。可规划的有 {names}，或写模型目录。",
        "The model {name} is not known. A plan can be made for {names}, or for a model's directory.",
    ),
    "plan.no_model.hint": ("例如：huiyan plan --model 8B", "For example: huiyan plan --model 8B"),
    "plan.card": (
        "显卡：{name}，显存 {total}（空闲 {free}），计算能力 {capability}",
        "card: {name}, {total} ({free} free), compute capability {capability}",
    ),
    "plan.card_imagined": (
        "显卡（不在本机）：{name}，显存 {total}（空闲按 {free} 计），计算能力 {capability}",
        "card (not in this machine): {name}, {total} ({free} taken as free), compute capability {capability}",
    ),
    "plan.no_card": ("没有可用的 NVIDIA 显卡：{reason}", "no NVIDIA GPU to use: {reason}"),
    "plan.driver": (
        "{name} 的驱动 {driver} 太旧，vLLM 需要 {needed} 以上（huiyan doctor 说明怎么升级）",
        "the driver {driver} of {name} is too old; vLLM needs {needed} or later (see huiyan doctor)",
    ),
    "plan.no_instance": (
        "{name} 处于 MIG 模式但没有实例（huiyan doctor 说明怎么办）",
        "{name} is in MIG mode without an instance (see huiyan doctor)",
    ),
    "plan.processor": (
        "处理器：{cores} 个可用核心（{features}），内存空闲 {free}",
        "processor: {cores} cores to use ({features}), {free} of memory free",
    ),
    "plan.wish": (
        "要求：{users} 人同时，每次 {images} 张 {size} 图片（每张 {each} 词元），一个请求约 {tokens} 词元",
        "wish: {users} at once, {images} pictures of {size} ({each} tokens each), {tokens} tokens a request",
    ),
    "plan.head.model": ("模型", "model"),
    "plan.head.weights": ("权重", "weights"),
    "plan.head.context": ("上下文", "context"),
    "plan.head.cache": ("缓存词元", "cache tokens"),
    "plan.head.at_once": ("同时", "at once"),
    "plan.head.pictures": ("图片", "pictures"),
    "plan.head.memory": ("内存", "memory"),
    "plan.head.rate": ("词元/秒", "tokens/s"),
    "plan.head.note": ("结论", "verdict"),
    "plan.suits": ("可以", "fits"),
    "plan.chosen": (
        "选择：{model} {weights}，上下文 {context}；同时 {at_once} 个这样的请求，占满上下文的请求 {full} 个",
        "chosen: {model} {weights}, context {context}; {at_once} such requests at once, {full} of its length",
    ),
    "plan.memory": (
        "显存：权重 {weights} + 计算 {activation} + 缓存 {cache} + 看图等 {beyond} = {needed}（空闲 {free}）",
        (
            "memory: weights {weights} + working {activation} + cache {cache} + pictures and the rest "
            "{beyond} = {needed} ({free} free)"
        ),
    ),
    "plan.flags": ("参数：{flags}", "flags: {flags}"),
    "plan.chosen_cpu": (
        "选择：{model} 的 GGUF 文件（{size}），上下文 {context}，预计每秒 {low} 到 {high} 个词元",
        "chosen: {model} as GGUF ({size}), context {context}, {low} to {high} tokens/s expected",
    ),
    "plan.rate_source": (
        "（由 8B 4 位权重在两个核心上实测的每秒 1.5–2.7 个词元按权重大小和核心数推算。）",
        "(Scaled by size and cores from 1.5 to 2.7 tokens/s, measured for 8B at 4 bits on two cores.)",
    ),
    "plan.nano": (
        "由内置演示模型 nano 回答：它不需要显卡，也不需要下载。",
        "The built-in demo model nano answers: it needs no GPU and no download.",
    ),
    "plan.nothing": ("没有一种配置满足要求。", "No configuration does what is wished."),
    "plan.nothing.hint": (
        (
            "减少人数或图片（--users、--images），缩小图片或上下文（--image-size、--context），"
            "或换小些的模型（--model 4B）。"
        ),
        (
            "Take fewer users or pictures (--users, --images), smaller pictures or a shorter context "
            "(--image-size, --context), or a smaller model (--model 4B)."
        ),
    ),
}
