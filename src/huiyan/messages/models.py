"""Sentences about the model store."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "tensors.header": (
        "safetensors 文件头不可信：{reason}。",
        "The head of this safetensors file cannot be right: {reason}.",
    ),
    "tensors.header.hint": (
        "文件可能没下载完整或来源有误：huiyan models verify --deep，然后重新 pull。",
        "It may be cut off, or come from a bad source: huiyan models verify --deep, then pull again.",
    ),
    "models.no_variant": (
        "没有 {variant} 这个量化版本。有：{known}。",
        "There is no variant {variant}. There are: {known}.",
    ),
    "models.no_variant.hint": (
        "写成 ID:VARIANT，例如 Qwen/Qwen3-VL-8B-Instruct-GGUF:Q8_0。",
        "Write ID:VARIANT, as in Qwen/Qwen3-VL-8B-Instruct-GGUF:Q8_0.",
    ),
    "models.incomplete": (
        "{id} 缺少引擎启动要用的文件：{paths}。",
        "{id} lacks files that its engine will ask for: {paths}.",
    ),
    "models.incomplete.hint": (
        "补齐它们：huiyan models pull {id}",
        "Fetch them: huiyan models pull {id}",
    ),
    "fetch.busy": ("正在下载另一个模型：{id}。", "Another model is being fetched: {id}."),
    "fetch.busy.hint": (
        "等它下载完，或先取消。",
        "Wait until it is fetched, or cancel it first.",
    ),
    "fetch.nothing": ("没有要下载的模型。", "There is nothing to be fetched."),
    "fetch.nothing.hint": (
        "说出模型的名字，或这样启动：huiyan start --model Qwen/Qwen3-VL-8B-Instruct",
        "Name a model, or start with: huiyan start --model Qwen/Qwen3-VL-8B-Instruct",
    ),
    "fetch.spawn": ("下载进程启动不了：{reason}。", "The process that fetches cannot be started: {reason}."),
    "fetch.spawn.hint": (
        "释放一些内存后再试，或在命令行：huiyan models pull MODEL",
        "Free some memory and try again, or on the command line: huiyan models pull MODEL",
    ),
    "fetch.ended": (
        "下载进程中途结束了（{end}）。{detail}",
        "The process that fetches ended ({end}). {detail}",
    ),
    "fetch.ended.hint": (
        "再下载一次：已有的部分会接着用。",
        "Fetch it again: it goes on with what has arrived.",
    ),
    "fetch.done": (
        "{id} 已下载。重启后使用：huiyan stop，然后 huiyan start --model {id}",
        "{id} is fetched. Restart to use it: huiyan stop, then huiyan start --model {id}",
    ),
    "fetch.done_switch": (
        "{id} 已下载，正在切换过去。",
        "{id} is fetched, and is about to take over.",
    ),
    "feed.unreadable": ("读不了频道文件 {feed}：{reason}", "The feed {feed} cannot be read: {reason}"),
    "feed.unreadable.hint": (
        "检查地址和文件内容；一个频道要有 lock 和 sha256。",
        "Check the address and what stands there; a channel has `lock` and `sha256`.",
    ),
    "feed.no_channel": (
        "{feed} 里没有频道 {channel}。有：{known}。",
        "{feed} has no channel {channel}. It has: {known}.",
    ),
    "feed.no_channel.hint": ("选一个已有的频道。", "Choose one that it has."),
    "feed.elsewhere": (
        "频道文件指到了别处：{lock}。只接受它自己的主机或目录。",
        "The feed points elsewhere: {lock}. Only its own host or directory is followed.",
    ),
    "feed.elsewhere.hint": (
        "把锁文件放在频道文件旁边。",
        "Put the lock file beside the feed.",
    ),
    "feed.digest": (
        "{channel} 的锁文件 {lock} 和频道文件里写的摘要不一致。",
        "The lock {lock} of {channel} has another digest than its feed says.",
    ),
    "feed.digest.hint": (
        "请发布者核对；没有使用这个锁文件。",
        "Ask whoever publishes it; this lock was not used.",
    ),
    "feed.offline": (
        "离线模式下不会访问 {feed}。",
        "Offline, {feed} is not asked.",
    ),
    "feed.offline.hint": (
        "用本地的频道文件，或去掉 --offline。",
        "Use a local feed, or leave --offline away.",
    ),
    "models.none": (
        "本机还没有模型。看看有哪些：huiyan models list --catalogue",
        "No model is here yet. See what there is: huiyan models list --catalogue",
    ),
    "models.nothing_named": ("没有说要下载哪个模型。", "No model was named."),
    "models.nothing_named.hint": (
        "huiyan models pull Qwen/Qwen3-VL-8B-Instruct，或 --locked 文件，或 --channel stable --feed 地址",
        "huiyan models pull Qwen/Qwen3-VL-8B-Instruct, or --locked FILE, or --channel stable --feed ADDRESS",
    ),
    "models.no_feed": ("频道 {channel} 要有频道文件。", "The channel {channel} needs a feed."),
    "models.no_feed.hint": (
        "加上 --feed 文件或网址。",
        "Add --feed with a file or an address.",
    ),
    "models.not_locked": (
        "{path} 里没有 {id}。有：{known}。",
        "{path} does not hold {id}. It holds: {known}.",
    ),
    "models.not_locked.hint": (
        "用其中的名字，或不写名字取全部。",
        "Name one that it holds, or none for all of them.",
    ),
    "models.head.model": ("模型", "model"),
    "models.head.size": ("大小", "size"),
    "models.head.pulled": ("下载时间", "pulled"),
    "models.head.digest": ("摘要", "digest"),
    "models.head.precision": ("精度", "precision"),
    "models.head.engine": ("引擎", "engine"),
    "models.head.memory": ("内存或显存", "memory"),
    "models.head.gpu": ("显卡计算能力", "GPU"),
    "models.phase": ("{phase}", "{phase}"),
    "models.phase.listing": ("查询文件列表", "Listing"),
    "models.phase.fetching": ("下载", "Fetching"),
    "models.phase.checking": ("校验", "Checking"),
    "models.phase.composing": ("整理", "Composing"),
    "models.phase.done": ("完成", "Done"),
    "models.left": ("约剩 {time}", "about {time} left"),
    "models.pulled": (
        "{id} 已就绪：{size}，摘要 {digest}，传输 {moved}",
        "{id} is here: {size}, digest {digest}, {moved} moved",
    ),
    "models.kept": (
        "本机已有、没有再传输的：{size}",
        "Here already, and not moved again: {size}",
    ),
    "models.whole": (
        "{path} 整个下载：服务器不支持按范围读取，或者变化的不只是指定的张量。",
        "{path} was fetched whole: the server ignores Range, or more than the named tensors has changed.",
    ),
    "models.lacks": (
        "注意：{id} 没有 {path}，引擎会用自己的默认值。",
        "Note: {id} has no {path}; the engine uses defaults of its own.",
    ),
    "models.use": ("使用它：huiyan start --model {id}", "Use it: huiyan start --model {id}"),
    "models.verify.ok": ("{count} 个文件完好。", "{count} files are whole."),
    "models.verify.damage": ("{path}：{kind}", "{path}: {kind}"),
    "models.verify.failed": ("{count} 个文件损坏或缺失。", "{count} files are damaged or missing."),
    "models.verify.failed.hint": (
        "重新下载损坏的文件：huiyan models pull {ids}",
        "Fetch what is damaged again: huiyan models pull {ids}",
    ),
    "models.gc.done": (
        "收回 {size}：{blobs} 个文件，{snapshots} 个快照，{partials} 个未完成的下载。",
        "Gave back {size}: {blobs} files, {snapshots} snapshots, {partials} unfinished downloads.",
    ),
    "models.gc.dry": (
        "会收回 {size}：{blobs} 个文件，{snapshots} 个快照，{partials} 个未完成的下载。",
        "Would give back {size}: {blobs} files, {snapshots} snapshots, {partials} unfinished downloads.",
    ),
    "models.rm.done": ("{id} 已删除，收回 {size}。", "{id} is removed; {size} given back."),
    "models.switched": ("{id} 现在是 {digest}。", "{id} is {digest} now."),
    "models.locked": ("{id}：{size}，摘要 {digest}", "{id}: {size}, digest {digest}"),
    "models.lock.written": ("已写入 {path}。", "Written to {path}."),
    "models.exported": (
        "已导出到 {path}：{count} 个模型，{size}。",
        "Exported to {path}: {count} models, {size}.",
    ),
    "models.imported": ("{id} 已导入，摘要 {digest}。", "{id} is imported, digest {digest}."),
    "models.import.id": (
        "{path} 里没有锁文件，不知道它是哪个模型。",
        "{path} has no lock, and does not say which model it is.",
    ),
    "models.import.id.hint": (
        "加上 --id，例如 --id Qwen/Qwen3-VL-8B-Instruct",
        "Add --id, such as --id Qwen/Qwen3-VL-8B-Instruct",
    ),
    "models.serve.at": (
        "正在提供 {count} 个模型：{url}。别的机器上：huiyan models pull MODEL --hub {url}。按 Ctrl-C 结束。",
        "Serving {count} models at {url}. Elsewhere: huiyan models pull MODEL --hub {url}. Ctrl-C ends it.",
    ),
    "models.serve.open": (
        "注意：能连到这个端口的人都能读取这些模型文件。--key-file 要求密钥。",
        "Note: whoever reaches this port can read these models. --key-file asks for a key.",
    ),
    "models.serve.keyed": (
        "只有带密钥的请求才会被回答。网络上的内容未加密。",
        "Only requests with the key are answered. What crosses the network is not encrypted.",
    ),
    "models.serve.port": (
        "{host} 的端口 {port} 用不了：{reason}",
        "Port {port} of {host} cannot be used: {reason}",
    ),
    "models.serve.port.hint": (
        "换一个：--port 0 取任意空闲端口。",
        "Take another: --port 0 finds a free one.",
    ),
    "models.serve.key": (
        "{path} 里要有一行至少 {least} 个字符的密钥。",
        "{path} has to hold a key of at least {least} characters, on one line.",
    ),
    "models.serve.key.hint": (
        "生成一个：openssl rand -hex 24 > 文件",
        "Make one: openssl rand -hex 24 > FILE",
    ),
    "help.models": ("模型文件：下载、校验、共享、回退", "model files: fetch, verify, share, roll back"),
    "help.models_list": (
        "列出本机的模型，或已知的模型",
        "list the models that are here, or those that are known",
    ),
    "help.models_pull": (
        "下载模型；中断后再运行会接着下载",
        "fetch a model; run again, it goes on where it stopped",
    ),
    "help.models_verify": ("检查文件是否完好", "check that every file is whole"),
    "help.models_lock": (
        "写下每个文件的摘要，供别的机器取得相同的内容",
        "write down every digest, for other machines",
    ),
    "help.models_switch": ("切换到本机已有的另一个快照", "switch to another snapshot that is here"),
    "help.models_rollback": ("回到上一个快照", "go back to the snapshot before"),
    "help.models_rm": ("删除模型，收回空间", "remove models and give the bytes back"),
    "help.models_gc": ("收回不再用到的空间", "give back what nothing needs any more"),
    "help.models_export": (
        "导出到目录或 .tar，带到没有网络的机器",
        "to a directory or .tar, for machines without a network",
    ),
    "help.models_import": (
        "从导出的文件、缓存目录或模型目录导入",
        "from an export, a hub's cache, or a model's directory",
    ),
    "help.models_serve": (
        "把本机的模型提供给团队的其他机器",
        "serve these models to the team's other machines",
    ),
    "help.model_name": (
        "模型名，大小写不限；GGUF 可写成 ID:Q8_0",
        "a model, in any case; of a GGUF one also ID:Q8_0",
    ),
    "help.model_names": ("模型名；不写就是全部", "models; none means all"),
    "help.hub": (
        "来源：modelscope、huggingface、file:///目录、http(s)://镜像、huiyan+http(s)://主机",
        "modelscope, huggingface, file:///DIRECTORY, http(s)://MIRROR or huiyan+http(s)://HOST",
    ),
    "help.offline": ("完全不用网络", "use no network at all"),
    "help.store_dir": ("模型存放的目录", "directory where models are kept"),
    "help.catalogue": ("列出已知的模型和它们的需要", "list known models and what they need"),
    "help.revision": ("分支、标签或提交", "branch, tag or commit"),
    "help.locked": ("按锁文件取得完全相同的内容", "exactly what this lock file says"),
    "help.channel": ("按频道取：stable 或 nightly", "what a channel stands for: stable or nightly"),
    "help.feed": ("频道文件：路径或网址", "the channels' feed: path or address"),
    "help.only": (
        "只取变化了的张量，例如 'model.visual.*'；其余沿用本机的",
        "fetch only these tensors, such as 'model.visual.*'; take the others from what is here",
    ),
    "help.deep": ("重新计算每个文件的摘要", "hash every byte again"),
    "help.dry_run": ("只说会收回多少", "only say how much it would be"),
    "help.snapshot": ("快照的摘要，或它的开头", "digest of a snapshot, or how it begins"),
    "help.lock_output": ("锁文件的路径", "path of the lock file"),
    "help.export_target": ("目录，或以 .tar 结尾的文件", "a directory, or a file that ends in .tar"),
    "help.import_source": (
        "导出的目录或 .tar、缓存目录、模型目录",
        "an export, a hub's cache, or a model's directory",
    ),
    "help.import_id": ("没有锁文件时，它是哪个模型", "which model it is, where no lock says so"),
    "help.mirror_host": ("监听的地址；默认只有本机", "address to listen on; this machine alone by default"),
    "help.mirror_key": (
        "含密钥的文件；请求要带 Authorization: Bearer",
        "file with a key that requests must bear",
    ),
    "models.wrong_size": (
        "{id} 的 {path} 大小不对，文件已损坏。",
        "{path} of {id} has not the size that its lock says: it is damaged.",
    ),
    "models.wrong_size.hint": (
        "查一遍并重新下载损坏的文件：huiyan models verify --deep {id} ; huiyan models pull {id}",
        "Find and fetch what is damaged: huiyan models verify --deep {id} ; huiyan models pull {id}",
    ),
    "models.damaged": ("已损坏", "damaged"),
    "models.no_snapshot": (
        "{id} 没有以 {digest} 开头的快照。有：{known}。",
        "{id} has no one snapshot that begins with {digest}. It has: {known}.",
    ),
    "models.no_snapshot.hint": ("写出摘要的前 12 位。", "Write the first 12 digits of its digest."),
    "models.nothing_to_export": ("本机没有可导出的模型。", "There is no model here to export."),
    "models.nothing_to_export.hint": (
        "先下载一个：huiyan models pull MODEL",
        "Fetch one first: huiyan models pull MODEL",
    ),
    "models.import.missing": ("找不到 {path}。", "There is no {path}."),
    "models.import.missing.hint": ("检查路径。", "Check the path."),
}
