"""Sentences about where model files come from: hubs, mirrors, directories, other machines."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "sources.offline": (
        "已要求离线（--offline），不访问 {host}。",
        "Offline was asked for (--offline): {host} is not contacted.",
    ),
    "sources.offline.hint": (
        "去掉 --offline，或从目录获取：--hub file:///目录",
        "Leave --offline out, or fetch from a directory: --hub file:///DIRECTORY",
    ),
    "sources.no_network": (
        "本机没有网络，无法访问 {host}。",
        "This machine has no network; {host} cannot be reached.",
    ),
    "sources.no_network.hint": (
        "连接网络后重试；或在另一台机器上导出，再用 huiyan models import 导入。",
        "Connect it and try again, or export on another machine and use: huiyan models import FILE",
    ),
    "sources.not_here": (
        "离线，且本机没有 {id} 的完整文件。",
        "Offline, and the files of {id} are not all on this machine.",
    ),
    "sources.not_here.hint": (
        "联网运行一次 huiyan models pull {id}，或用 huiyan models import 导入。",
        "Run huiyan models pull {id} once with a network, or bring it along: huiyan models import FILE",
    ),
    "sources.unreachable": (
        "无法连接 {host}：{reason}",
        "{host} cannot be reached: {reason}",
    ),
    "sources.reason.name": (
        "查不到它的地址（没有网络或 DNS）",
        "its address was not found (no network, or no DNS)",
    ),
    "sources.reason.refused": ("连接被拒绝", "the connection was refused"),
    "sources.reason.certificate": ("证书不被信任（{reason}）", "its certificate is not trusted ({reason})"),
    "sources.reason.silent": ("没有回应", "it did not answer in time"),
    "sources.unreachable.hint": (
        (
            "检查网络与代理（HTTPS_PROXY）；已下载的部分保留，重新运行即可继续。"
            "也可换源：--hub modelscope|huggingface"
        ),
        (
            "Check the network and the proxy (HTTPS_PROXY). What has come is kept; run it again to go on, "
            "or take another source: --hub modelscope|huggingface"
        ),
    ),
    "sources.model_not_found": (
        "{source} 上没有 {id}（版本 {revision}）。",
        "{source} has no {id} at revision {revision}.",
    ),
    "sources.model_not_found.hint": (
        "检查名称与版本；私有模型需先用该站点自己的命令登录。",
        "Check name and revision; for a private model sign in with the hub's own command first.",
    ),
    "sources.file_not_found": (
        "{host} 上没有 {path}。",
        "{host} does not have {path}.",
    ),
    "sources.file_not_found.hint": (
        "该版本可能已被删除。重新运行以获取当前版本，或换源：--hub modelscope|huggingface",
        "Its revision may have been deleted. Run it again for the present one, or take another: --hub …",
    ),
    "sources.denied": (
        "{host} 拒绝访问 {what}（HTTP {status}）。",
        "{host} does not allow access to {what} (HTTP {status}).",
    ),
    "sources.denied.hint": (
        "用该站点自己的命令登录（hf auth login 或 ms-hub login），并在其网页上同意模型的条款。",
        "Sign in with the hub's own command (hf auth login, ms-hub login); accept the terms on its page.",
    ),
    "sources.protocol": (
        "{host} 的回答有误：{reason}",
        "{host} answered wrongly: {reason}",
    ),
    "sources.protocol.hint": (
        "可能有代理或登录页拦截。稍后再试，或换源：--hub modelscope|huggingface",
        "A proxy or a sign-in page may be in between. Try later, or --hub modelscope|huggingface",
    ),
    "sources.changed": (
        "{path} 与 {host} 列出的不一致：{reason}",
        "{path} is not what {host} listed: {reason}",
    ),
    "sources.changed.hint": (
        "它可能刚被更新。重新运行；若使用 models.lock，请换一个仍有这些文件的源。",
        "It may just have been replaced. Run it again; with a models.lock, take a source that still has it.",
    ),
    "sources.index": (
        "{path} 不是可用的镜像目录：{reason}",
        "{path} cannot be used as a mirror: {reason}",
    ),
    "sources.index.hint": (
        "镜像需要 models.lock：在已有模型的机器上运行 huiyan models lock，把它放到这些文件旁边。",
        "Make one where the model is (huiyan models lock), and put it beside the files.",
    ),
    "sources.hub": (
        "不认识的来源 {hub}。",
        "{hub} is no known source.",
    ),
    "sources.hub.hint": (
        "可用：modelscope、huggingface、file:///目录、http(s)://镜像、huiyan+http(s)://主机",
        "Use modelscope, huggingface, file:///DIRECTORY, http(s)://MIRROR or huiyan+http(s)://HOST",
    ),
    "sources.key_file": (
        "无法从 {path} 读取密钥：{reason}",
        "No key can be read from {path}: {reason}",
    ),
    "sources.key_file.hint": (
        "把 huiyan models serve --key-file 使用的密钥放进这个文件（HUIYAN_MODELS__KEY_FILE）。",
        "Put the key of the other side's huiyan models serve --key-file there (HUIYAN_MODELS__KEY_FILE).",
    ),
    "sources.differs": (
        "{source} 的 {path} 与锁文件不同。",
        "{path} at {source} is not the one that the lock names.",
    ),
    "sources.differs.hint": (
        "换一个仍有这些文件的源（--hub），或不用 --locked 获取当前版本。",
        "Take a source that still has it (--hub), or leave --locked out to get the present version.",
    ),
    "sources.interrupted": (
        "下载已中断，已下载的部分保留。",
        "The fetch was interrupted; what has come is kept.",
    ),
    "sources.interrupted.hint": ("重新运行同一命令即可继续。", "Run the same command again to go on."),
    "sources.space": (
        "需要 {needed}，{path} 所在的磁盘只剩 {free}。",
        "{needed} are needed; the disk of {path} has {free} left.",
    ),
    "sources.space.hint": (
        "清理磁盘，运行 huiyan models gc，或换一个目录：HUIYAN_MODELS__STORE_DIR",
        "Free some space, run huiyan models gc, or take another directory: HUIYAN_MODELS__STORE_DIR",
    ),
    "sources.nothing": (
        "{id} 中没有符合要求的文件。",
        "No file of {id} is asked for.",
    ),
    "sources.nothing.hint": (
        "检查 --include 的模式。",
        "Check the patterns of --include.",
    ),
}
