"""Why something was refused, as a part of another sentence: "… cannot be used: {reason}"."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "reason.absent": ("文件不存在", "it does not exist"),
    "reason.no_file": ("它不是文件", "it is no file"),
    "reason.no_key": ("里面没有密钥", "no key in it"),
    "reason.no_done": ("回答流没有以 [DONE] 结束", "the stream ended without [DONE]"),
    "reason.same_file": ("与 {name!a} 是同一个文件", "the same file as {name!a}"),
    "reason.same_folder": ("与 {name!a} 是同一个目录", "the same directory as {name!a}"),
    "reason.file_and_folder": ("既是文件又是目录", "a file and a directory at once"),
    "reason.two_sizes": ("内容 {digest} 有两种大小", "two sizes for the content {digest}"),
    "reason.secret_size": (
        "有 {size_bytes} 字节，应为 {wanted_bytes} 字节",
        "{size_bytes} bytes instead of {wanted_bytes}",
    ),
    "reason.too_large": ("太大", "too large"),
    "reason.no_completion": ("不是对话回答：{cause}", "no chat completion: {cause}"),
    "reason.more_bytes": ("超过 {limit_bytes:,} 字节", "more than {limit_bytes:,} bytes"),
    "reason.sizes": ("尺寸小于 1", "sizes below 1"),
    "reason.no_head": ("没有 safetensors 文件头", "no safetensors head"),
    "reason.head_cut_off": ("文件头不完整", "the head is cut off"),
    "reason.short": ("不到 8 字节", "shorter than 8 bytes"),
    "reason.header_size": (
        "文件头称有 {length} 字节，而文件只有 {size_bytes} 字节",
        "header of {length} bytes in a file of {size_bytes}",
    ),
    "reason.hole": ("{name!r} 之前有空洞或重叠", "hole or overlap before {name!r}"),
    "reason.tensors_end": (
        "张量到 {position} 为止，文件到 {size_bytes} 为止",
        "tensors end at {position}, the file at {size_bytes}",
    ),
    "reason.cut_off": ("文件比文件头所写的短", "file is shorter than its header says"),
    "reason.index": ("索引有误：{cause}", "index: {cause}"),
    "reason.index_names": ("索引写了 {name!r}", "index names {name!r}"),
    "reason.no_object": ("文件头不是 JSON 对象", "header is no JSON object"),
    "reason.dtype": ("未知的数据类型 {dtype!r}", "unknown dtype {dtype!r}"),
    "reason.range": ("{name!r} 的范围与它的形状不符", "range of {name!r} does not fit its shape"),
}
