"""Sentences of `huiyan backup` and `huiyan restore`."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "help.backup": (
        "把密钥、用量、设置、组件和各种锁写进一个文件；服务可以继续运行。不含模型文件。",
        "Write keys, usage, settings, components and locks to one file; gateways may run. No model files.",
    ),
    "help.restore": (
        "恢复备份；先验证整个文件，再改动任何东西。",
        "Put a backup in place; all of it is verified before anything is touched.",
    ),
    "help.backup_file": ("备份文件。", "The backup's file."),
    "help.restore_replace": (
        "即使这里已有密钥也恢复；原有的先另存一份备份。",
        "Also where there are keys already; a backup of those is kept first.",
    ),
    "backup.made": (
        "已写入 {path}：{keys} 个密钥，{usage} 行用量，{files} 个文件。内含服务器密钥，请妥善保管。",
        "{path} holds {keys} keys, {usage} rows of usage, {files} files, the server's secret: keep it safe.",
    ),
    "backup.restored": (
        "已恢复：{keys} 个密钥，{usage} 行用量。",
        "Restored: {keys} keys, {usage} rows of usage.",
    ),
    "backup.before": ("原有状态的备份：{path}", "A backup of what was here before: {path}"),
    "backup.in_place": ("已放回：{path}", "Put in place: {path}"),
    "backup.aside": ("未覆盖，另放在：{path}", "Laid aside, nothing overwritten: {path}"),
    "backup.not_one": (
        "{path} 不是 huiyan 的备份，或者不完整。",
        "{path} is no backup of huiyan, or not whole.",
    ),
    "backup.not_one.hint": (
        "重新复制该文件，或换一份备份。没有改动任何东西。",
        "Copy the file again, or take another backup. Nothing was changed.",
    ),
    "backup.damaged": ("{path} 已损坏：{member}", "{path} is damaged: {member}"),
    "backup.damaged.hint": (
        "重新复制该文件，或换一份备份。没有改动任何东西。",
        "Copy the file again, or take another backup. Nothing was changed.",
    ),
    "backup.unreadable": ("无法读取 {path}：{reason}", "{path} cannot be read: {reason}"),
    "backup.unreadable.hint": ("检查路径和权限。", "Check the path and its permissions."),
    "backup.newer": (
        "{path} 是用更新的 huiyan（{version}）写的。",
        "{path} was written by a newer huiyan ({version}).",
    ),
    "backup.newer.hint": (
        "先把这里的 huiyan 升级到该版本或更新。没有改动任何东西。",
        "Upgrade huiyan here to that version or a later one first. Nothing was changed.",
    ),
    "backup.unfinished": (
        "一次中断的恢复留下的 {path} 读不出来：{reason}",
        "{path}, left by a restore that was interrupted, cannot be read: {reason}",
    ),
    "backup.unfinished.hint": (
        "把 {path} 移到别处，再运行一次 huiyan restore。",
        "Move {path} away and run huiyan restore again.",
    ),
    "backup.settled": (
        "上次的恢复在最后一步被中断，现已完成。",
        "The last restore was interrupted in its last step and is complete now.",
    ),
    "backup.undone": (
        "上次的恢复被中断，没有改动任何东西；请再运行一次 huiyan restore。",
        "The last restore was interrupted and has changed nothing; run huiyan restore again.",
    ),
    "backup.keys_here": (
        "{database} 里已有 {count} 个密钥。",
        "There are {count} keys in {database} already.",
    ),
    "backup.keys_here.hint": (
        "要用备份替换它们：huiyan restore --replace {path}（原有的会先另存）",
        "To put the backup in their place: huiyan restore --replace {path} (a backup of them is kept)",
    ),
}
