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
}
