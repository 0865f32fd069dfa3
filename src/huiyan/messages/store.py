"""Sentences of the model store: locks, blobs, snapshots, archives."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "store.disk_full": (
        "{path} 所在的磁盘已满。已下载的部分保留在原处。",
        "No space is left on the disk of {path}. What was fetched so far is kept.",
    ),
    "store.disk_full.hint": (
        "腾出空间（df -h {quoted}；huiyan models gc 会清除无人使用的文件），然后再运行一次。",
        "Free some space (df -h {quoted}; huiyan models gc removes what nothing uses), then run it again.",
    ),
    "store.file_too_large": (
        "{path} 所在的文件系统不接受这么大的文件。",
        "The file system of {path} takes no file as large as this one.",
    ),
    "store.file_too_large.hint": (
        "换一个没有这种限制的文件系统或放宽 ulimit -f；已下载的部分保留在原处。",
        "Use a file system without that limit, or raise ulimit -f; what was fetched so far is kept.",
    ),
    "store.io": ("无法访问 {path}：{reason}", "{path} cannot be read or written: {reason}"),
    "store.io.hint": (
        "检查磁盘和权限（ls -ld {quoted}），然后再运行一次。",
        "Check the disk and the permissions (ls -ld {quoted}), then run it again.",
    ),
    "store.lock_unreadable": (
        "{path} 不是可用的 models.lock：{reason}",
        "{path} is no usable models.lock: {reason}",
    ),
    "store.lock_unreadable.hint": (
        "用 huiyan models lock 重新生成，或从版本库恢复它。",
        "Write it anew with huiyan models lock, or restore it from version control.",
    ),
    "store.name_refused": ("不接受的名称 {name}：{reason}", "The name {name} is refused: {reason}"),
    "store.name_refused.hint": (
        "模型仓库里的这个文件无法安全存放；请换一个来源。",
        "A model with such a name cannot be stored safely; take it from another source.",
    ),
    "store.beyond_end": (
        "来源给出的数据超出了 {sha256} 声明的 {size} 字节。",
        "The source sent bytes beyond the {size} bytes that were announced for {sha256}.",
    ),
    "store.beyond_end.hint": (
        "来源的文件已变化或有误；再运行一次，或换一个来源（--hub）。",
        "The source's file has changed or is wrong; run it again, or take another source (--hub).",
    ),
    "store.incomplete": (
        "{sha256} 还缺 {missing} 字节。",
        "{sha256} still lacks {missing} bytes.",
    ),
    "store.incomplete.hint": (
        "再运行一次，只会补取缺少的部分。",
        "Run it again; only what is missing is fetched.",
    ),
    "store.source_mismatch": (
        "来源给出的内容有误：SHA-256 是 {found}…，应为 {sha256}…。这些数据已丢弃。",
        "The source sent wrong bytes: their SHA-256 is {found}…, not {sha256}…. They were thrown away.",
    ),
    "store.source_mismatch.hint": (
        "再运行一次；如果仍然如此，换一个来源（--hub），并告知该来源的维护者。",
        "Run it again; if it stays so, take another source (--hub) and tell whoever runs this one.",
    ),
    "store.changed_while_read": (
        "{path} 在读取过程中被改动了。",
        "{path} changed while it was being read.",
    ),
    "store.changed_while_read.hint": (
        "等写入它的程序结束后再运行一次。",
        "Run it again when the program that writes it is done.",
    ),
    "store.no_regular_file": ("{path} 不是普通文件。", "{path} is no regular file."),
    "store.blob_missing": (
        "{id} 的文件 {path} 不在模型库中，或已损坏。",
        "The file {path} of {id} is not in the store, or is damaged there.",
    ),
    "store.blob_missing.hint": ("补取它：huiyan models pull {id}", "Fetch it: huiyan models pull {id}"),
    "store.size_lie": (
        "{path} 在 models.lock 中是 {claimed} 字节，而这个 SHA-256 的内容有 {size} 字节。",
        "models.lock gives {path} {claimed} bytes, but what has this SHA-256 has {size}.",
    ),
    "store.size_lie.hint": (
        "models.lock 有误；用 huiyan models lock 重新生成。",
        "The lock is wrong; write it anew with huiyan models lock.",
    ),
    "store.no_model": ("模型库中没有 {id}。", "There is no {id} in the store."),
    "store.no_model.hint": (
        "看看有哪些：huiyan models list；获取它：huiyan models pull {id}",
        "See what is there: huiyan models list; fetch it: huiyan models pull {id}",
    ),
    "store.no_snapshot": ("模型库中没有快照 {digest}。", "There is no snapshot {digest} in the store."),
    "store.no_snapshot.hint": (
        "看看有哪些：huiyan models list",
        "See what is there: huiyan models list",
    ),
    "store.snapshot_of_other": (
        "快照 {digest} 属于 {found}，不属于 {id}。",
        "The snapshot {digest} belongs to {found}, not to {id}.",
    ),
    "store.no_previous": (
        "{id} 没有可以回退到的上一个版本。",
        "{id} has no previous snapshot to go back to.",
    ),
    "store.no_previous.hint": (
        "用锁文件取得想要的版本：huiyan models pull --locked 文件",
        "Fetch the one that is wanted by its lock: huiyan models pull --locked FILE",
    ),
    "store.other_case": (
        "模型库中已有 {found}；{id} 只有大小写不同。",
        "The store has {found} already; {id} differs in upper and lower case alone.",
    ),
    "store.other_case.hint": (
        "使用 {found}；如果它已改名，先删除旧的：huiyan models rm {found}",
        "Use {found}; if it was renamed, remove the old one first: huiyan models rm {found}",
    ),
    "store.archive": ("拒绝导入 {path}：{reason}", "{path} is refused: {reason}"),
    "store.archive.hint": (
        "用 huiyan models export 重新导出，并核对传输是否完整。",
        "Export it again with huiyan models export, and check that it was carried over whole.",
    ),
    "store.target_exists": ("{path} 已经存在。", "{path} exists already."),
    "store.target_exists.hint": ("换一个名字，或先移走它。", "Choose another name, or move it away first."),
    "store.no_cache_entry": (
        "{path} 不是 ModelScope 或 Hugging Face 的缓存，也不是模型目录。",
        "{path} is neither a cache of ModelScope or Hugging Face nor a directory of a model.",
    ),
    "store.no_cache_entry.hint": (
        "给出缓存目录（如 ~/.cache/modelscope、~/.cache/huggingface）或模型目录。",
        "Name the cache (~/.cache/modelscope, ~/.cache/huggingface) or the model's directory.",
    ),
    "store.damage.missing": ("缺失", "missing"),
    "store.damage.size": ("大小不对", "wrong size"),
    "store.damage.content": ("内容已损坏", "its content is damaged"),
    "store.damage.extra": ("不属于该模型的文件", "a file that is not the model's"),
    "store.damage.lock": ("文件清单已损坏", "the list of files is damaged"),
    "store.damage.reference": ("指向不存在的快照", "refers to a snapshot that is not there"),
    "store.damage.history": ("历史记录已损坏", "the history is damaged"),
    "store.damage.record": ("校验记录已损坏", "the record of verified files is damaged"),
}
