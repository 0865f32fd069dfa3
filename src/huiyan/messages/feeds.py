"""Sentences about release feeds: what is wrong with one, and why a release of it does not fit."""

from typing import Final

_TELL: Final = (
    "请告诉发布者，或用 huiyan release make 重新制作。",
    "Ask whoever publishes the feed, or make it again with `huiyan release make`.",
)
_AGAIN: Final = (
    "稍后再试；若一直如此，请告诉发布者。",
    "Try again later; if it stays so, tell whoever publishes the feed.",
)
_REACH: Final = (
    "检查地址是否正确、服务器是否可达，再试一次。",
    "Look whether the address is right and the server can be reached, then try again.",
)
_FOR_THIS: Final = (
    "改用为这个模型制作的发布版；原来的编码器照常使用。",
    "Take a release that was made for this model; the encoder that is here is used on.",
)

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "release_feed.too_large": (
        "发布目录文件有 {size_bytes:,} 字节，最多只读 {limit_bytes:,} 字节。",
        "The feed has {size_bytes:,} bytes; at most {limit_bytes:,} are read.",
    ),
    "release_feed.too_large.hint": _TELL,
    "release_feed.no_toml": ("发布目录文件不是 TOML：{reason}。", "The feed is not TOML: {reason}."),
    "release_feed.no_toml.hint": _TELL,
    "release_feed.schema": (
        "发布目录的格式版本是 {found!r}，这个 huiyan 只认 {known}。",
        "The feed has schema {found!r}; this huiyan reads {known}.",
    ),
    "release_feed.schema.hint": (
        "升级 huiyan，或请发布者提供格式版本为 {known} 的发布目录。",
        "Upgrade huiyan, or ask whoever publishes the feed for one of schema {known}.",
    ),
    "release_feed.no_feed": ("这不是发布目录文件：{reason}。", "The feed is not one: {reason}."),
    "release_feed.no_feed.hint": _TELL,
    "release_feed.twice": (
        "发布目录里 {name} {version} 出现了两次。",
        "The feed names {name} {version} twice.",
    ),
    "release_feed.twice.hint": _TELL,
    "release_feed.no_version": (
        "{where}：{version!r} 不是版本号，应像 2026.11.1 这样。",
        "{where}: {version!r} is no version, such as 2026.11.1.",
    ),
    "release_feed.no_version.hint": _TELL,
    "release_feed.one_path": ("{where}：有两个文件路径相同。", "{where}: two of its files have one path."),
    "release_feed.one_path.hint": _TELL,
    "release_feed.no_file": ("{where}：没有任何文件。", "{where}: it consists of no file."),
    "release_feed.no_file.hint": _TELL,
    "release_feed.name_huiyan": (
        "{where}：`huiyan` 这个名字只能用于 huiyan 本身。",
        "{where}: `huiyan` is the name of huiyan itself, and of nothing else.",
    ),
    "release_feed.name_huiyan.hint": _TELL,
    "release_feed.name_tool": (
        "{where}：工具的名字要以 tool- 开头。",
        "{where}: the names of tools begin with tool-.",
    ),
    "release_feed.name_tool.hint": _TELL,
    "release_feed.no_base": (
        "{where}：视觉编码器必须写明它适用的 `base`。",
        "{where}: a vision encoder needs the `base` that it fits.",
    ),
    "release_feed.no_base.hint": _TELL,
    "release_feed.weights": (
        "{where}：权重要么用 `tensors`，要么用 `projector`，二者取一。",
        "{where}: weights need either `tensors` or `projector`.",
    ),
    "release_feed.weights.hint": _TELL,
    "release_feed.projector": (
        "{where}：projector 应当是一个 .gguf 文件。",
        "{where}: a projector is one .gguf file.",
    ),
    "release_feed.projector.hint": _TELL,
    "release_feed.path": (
        "{where}：{path!r} 不是部件目录之下的路径。",
        "{where}: {path!r} is no path below the component's directory.",
    ),
    "release_feed.path.hint": _TELL,
    "release_feed.address": (
        "{where}：{url!r} 不是可以下载的地址。",
        "{where}: {url!r} is no address to fetch from.",
    ),
    "release_feed.address.hint": _TELL,
    "release_feed.other_kind": (
        "发布目录说 {name} {version} 是 {found}，而这里的是 {wanted}。",
        "{name} {version} is a {found} by the feed, not a {wanted}.",
    ),
    "release_feed.other_kind.hint": _TELL,
    "release_feed.offline": (
        "没有访问 {url}：huiyan 处于离线模式。",
        "{url} is not asked for: huiyan works offline.",
    ),
    "release_feed.offline.hint": (
        "用 --feed 指定本机上的发布目录，或关闭离线设置（offline）。",
        "Name a feed on this machine with --feed PATH, or turn the setting `offline` off.",
    ),
    "release_feed.no_https": (
        "发布目录 {feed} 里的 {url} 不是 https。",
        "The feed {feed} names {url}, which is not https.",
    ),
    "release_feed.no_https.hint": _TELL,
    "release_feed.redirect": (
        "{url} 跳转到 {target}，换了协议。",
        "{url} leads to {target}, which is another protocol.",
    ),
    "release_feed.redirect.hint": (
        "若信任跳转后的地址，请直接写那个地址。",
        "Name the address that it leads to, if you trust it.",
    ),
    "release_feed.http": ("{url} 回答 HTTP {status}。", "{url}: HTTP {status}."),
    "release_feed.http.hint": _REACH,
    "release_feed.no_answer": ("读不了 {url}：{reason}。", "{url} cannot be read: {reason}."),
    "release_feed.no_answer.hint": _REACH,
    "release_feed.read": ("读不了发布目录 {feed}：{reason}。", "The feed {feed} cannot be read: {reason}."),
    "release_feed.read.hint": (
        "写含有 {name} 的目录，或该文件本身：huiyan update --feed 路径",
        "Name a directory with {name}, or the file itself: huiyan update --feed PATH",
    ),
    "release_feed.leads_away": (
        "发布目录 {feed} 在本机，里面却写着 {url}。",
        "The feed {feed} is on this machine and names {url}.",
    ),
    "release_feed.leads_away.hint": (
        "自行下载该文件，放到发布目录旁边，并在其中改写为它的路径。",
        "Fetch that file yourself, put it beside the feed, and name it by its path there.",
    ),
    "release_feed.not_beside": (
        "{url} 不在发布目录 {feed} 旁边。",
        "{url} does not lie beside the feed {feed}.",
    ),
    "release_feed.not_beside.hint": _TELL,
    "release_feed.file_unreadable": (
        "读不了发布目录 {feed} 旁边的 {url}：{reason}。",
        "{url} beside the feed {feed} cannot be read: {reason}.",
    ),
    "release_feed.file_unreadable.hint": (
        "检查该文件是否在那里、权限是否允许读取，再运行一次。",
        "See that the file is there and may be read, and run it again.",
    ),
    "release_feed.short": ("{url} 比发布目录写的短。", "{url} is shorter than the feed says."),
    "release_feed.short.hint": _AGAIN,
    "release_feed.digest": (
        "从 {url} 取到的 {path} 与发布目录写的校验值不符。",
        "{url} does not give the bytes that the feed names for {path}.",
    ),
    "release_feed.digest.hint": _AGAIN,
    "release_feed.other_lock": (
        "{lock} 不是发布目录为 {name} 写明的那份锁文件。",
        "{lock} is not the lock that the feed names for {name}.",
    ),
    "release_feed.other_lock.hint": _AGAIN,
    "release_feed.other_projector": (
        "{name}：{path} 与发布目录对它的描述不符。",
        "{name}: {path} is not what the feed says of it.",
    ),
    "release_feed.other_projector.hint": _TELL,
    # Why a release does not fit the model that is here.
    "fit.lock_without": ("发布版的锁文件里没有 {model}。", "The release's lock does not hold {model}."),
    "fit.lock_without.hint": _TELL,
    "fit.base": (
        "{name} {version} 针对的 {path} 与这里的 {model} 的不同。",
        "{name} {version} belongs to another {path} than that of {model}.",
    ),
    "fit.base.hint": (
        "先把模型本身更新到最新：huiyan models pull {model}",
        "Bring the model itself up to date first: huiyan models pull {model}",
    ),
    "fit.files": (
        "发布版与 {model} 的文件不一样：{odd}。",
        "The release and {model} do not have the same files: {odd}.",
    ),
    "fit.files.hint": _FOR_THIS,
    "fit.no_weights": (
        "发布版改动了 {path}，它不是权重：超出了 {name} 的范围。",
        "The release changes {path}, which is no weights: it is more than a {name}.",
    ),
    "fit.no_weights.hint": (
        "整个模型一起更新：huiyan models pull 模型名",
        "Update the model as a whole: huiyan models pull MODEL",
    ),
    "fit.tensors": (
        "发布版的 {path} 与模型的张量不一致。",
        "The release's {path} does not hold the tensors of the model's.",
    ),
    "fit.tensors.hint": _FOR_THIS,
    "fit.prefix": (
        "发布版改动了 {name}，它不在 {prefix}* 之下。",
        "The release changes {name}, which is not below {prefix}*.",
    ),
    "fit.prefix.hint": (
        "整个模型一起更新：huiyan models pull 模型名",
        "Update the model as a whole: huiyan models pull MODEL",
    ),
    "fit.not_in_store": (
        "{name} 属于 {model}，而模型库里没有它。",
        "{name} belongs to {model}, which is not in the store.",
    ),
    "fit.not_in_store.hint": (
        "先下载它：huiyan models pull {model}",
        "Fetch it first: huiyan models pull {model}",
    ),
    "fit.no_hub": (
        "{name} 没有写明文件，也没有可以下载的来源。",
        "{name} names no files, and there is no hub to fetch from.",
    ),
    "fit.no_hub.hint": _TELL,
    "fit.not_brought": (
        "发布版改动了 {path}，却没有带上它。",
        "The release changes {path} and does not bring it.",
    ),
    "fit.not_brought.hint": _TELL,
    "fit.more_bytes": (
        "发布版带来的数据比它的张量清单所需的多。",
        "The release brings more bytes than its list of tensors needs.",
    ),
    "fit.more_bytes.hint": _TELL,
    "fit.tensor_missing": (
        "发布版缺少模型需要的张量 {name}。",
        "The release has no tensor {name}; the model needs it.",
    ),
    "fit.tensor_missing.hint": _FOR_THIS,
    "fit.tensor_unknown": (
        "发布版里有模型没有的张量：{name}。",
        "The release has a tensor that the model does not have: {name}.",
    ),
    "fit.tensor_unknown.hint": _FOR_THIS,
    "fit.tensor_shape": (
        "发布版的 {name} 是 {new_dtype} {new_shape}，模型的是 {dtype} {shape}。",
        "The release's {name} is {new_dtype} {new_shape}; the model's is {dtype} {shape}.",
    ),
    "fit.tensor_shape.hint": _FOR_THIS,
    "fit.cut_short": (
        "发布版在 {name} 中间就结束了。",
        "The release ends in the middle of {name}.",
    ),
    "fit.cut_short.hint": _AGAIN,
    "fit.unreadable": ("读不了 {path}：{reason}。", "{path} cannot be read: {reason}."),
    "fit.unreadable.hint": ("检查路径和权限，再运行一次。", "Check path and permissions, and run it again."),
    "fit.projector_size": (
        "{name} 有 {size_bytes:,} 字节；按它自己的文件头应有 {needed_bytes:,} 字节。",
        "{name} has {size_bytes:,} bytes; by its own head it needs {needed_bytes:,}.",
    ),
    "fit.projector_size.hint": _AGAIN,
    "fit.no_projector": (
        "{name} 不是 llama.cpp 的视觉编码器（mmproj）。",
        "{name} is no vision encoder of llama.cpp (mmproj).",
    ),
    "fit.no_projector.hint": _FOR_THIS,
    "fit.projector": (
        "{what} 不适合这个模型：它的 {name} 是 {new}，模型的是 {old}。",
        "{what} does not fit this model: its {name}: {new}; the model's: {old}.",
    ),
    "fit.projector.hint": (
        "改用为这个模型制作的发布版。",
        "Take a release that was made for this model.",
    ),
    "fit.safetensors": (
        "{name} {version} 用于 safetensors 模型，而这里运行的是 GGUF。",
        "{name} {version} is for a model in safetensors; the one that is served is a GGUF.",
    ),
    "fit.safetensors.hint": (
        "改用从这个模型的 mmproj 文件制作的发布版。",
        "Take a release that was made from this model's mmproj file.",
    ),
}
