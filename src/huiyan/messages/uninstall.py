"""Sentences of `huiyan uninstall`."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "help.uninstall": (
        "列出 huiyan 在本机占用的位置，并可卸载",
        "What huiyan has put on this machine, and taking it away",
    ),
    "help.uninstall_keep": (
        "删除环境和运行文件，保留密钥、模型、图片和日志",
        "Remove environments and files of the run; keep keys, models, pictures, logs",
    ),
    "help.uninstall_everything": ("连同数据全部删除", "Remove the data, too"),
    "help.uninstall_yes": ("不再询问", "Do not ask"),
    "uninstall.both": (
        "--keep-data 和 --everything 只能选一个。",
        "--keep-data and --everything contradict each other.",
    ),
    "uninstall.both.hint": (
        "只删程序：huiyan uninstall --keep-data；全部：--everything",
        "The program alone: huiyan uninstall --keep-data. All of it: --everything",
    ),
    "uninstall.how": (
        "什么都没有删除。只删程序：huiyan uninstall --keep-data；连同数据：huiyan uninstall --everything",
        (
            "Nothing was removed. The program alone: huiyan uninstall --keep-data; with all data: huiyan "
            "uninstall --everything"
        ),
    ),
    "uninstall.unsure": ("没有确认就不会删除。", "Nothing is removed without a confirmation."),
    "uninstall.unsure.hint": ("确认就加上 --yes。", "Add --yes if you mean it."),
    "uninstall.keep": (
        "停止 huiyan，删除标为“程序”的内容，保留数据？",
        "Stop huiyan and remove what is marked as program, keeping the data?",
    ),
    "uninstall.everything": (
        "停止 huiyan，删除标为“程序”和“数据”的全部内容？无法恢复",
        "Stop huiyan and remove all that is marked as program and data? It cannot be undone",
    ),
    "uninstall.removing": ("正在删除 {path}", "Removing {path}"),
    "uninstall.removed": ("已删除", "removed"),
    "uninstall.kind.program": ("程序（可以重新生成）", "program (can be made again)"),
    "uninstall.kind.data": ("数据", "data"),
    "uninstall.kind.installation": ("huiyan 本身，请用下面的命令删除", "huiyan itself; remove it with"),
    "uninstall.kind.foreign": ("不是 huiyan 放的，不动", "not made by huiyan here, left alone"),
    "uninstall.failed": ("删不了 {path}：{reason}。", "{path} cannot be removed: {reason}."),
    "uninstall.failed.hint": (
        "检查权限后再运行一次，会接着删除。",
        "Mend its permissions and run it again; it goes on where it stopped.",
    ),
}
