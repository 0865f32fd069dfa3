"""Sentences of full upgrades: another version of huiyan takes over."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "help.update_full": (
        "换成另一个版本的 huiyan，浏览器不断开",
        "Another version of huiyan, while browsers stay connected",
    ),
    "help.update_wheel": ("该版本的 wheel 文件", "The wheel of that version"),
    "help.update_requirements": (
        "它的依赖锁（带哈希）；不给则重新解析",
        "Its requirements with hashes; resolved anew without it",
    ),
    "upgrade.pointer": (
        "记录当前版本的 {path} 读不出来：{reason}。",
        "{path}, which says which version counts, cannot be read: {reason}.",
    ),
    "upgrade.pointer.hint": (
        "删除该文件，即用手动安装的版本启动。",
        "Remove that file; then the installation made by hand starts.",
    ),
    "upgrade.gone": ("版本 {state} 已不在 {path}。", "The version {state} is not at {path} any more."),
    "upgrade.gone.hint": (
        "重新安装：huiyan update --full --wheel 文件",
        "Install it again: huiyan update --full --wheel FILE",
    ),
    "upgrade.no_wheel": ("{path} 不是可用的 wheel 文件：{reason}。", "{path} is no usable wheel: {reason}."),
    "upgrade.no_wheel.hint": (
        "给出 huiyan-版本-py3-none-any.whl 文件。",
        "Name a file huiyan-VERSION-py3-none-any.whl.",
    ),
    "upgrade.other_package": (
        "{path} 是 {name} 的 wheel，不是 huiyan 的。",
        "{path} is a wheel of {name}, not of huiyan.",
    ),
    "upgrade.other_package.hint": ("给出 huiyan 的 wheel 文件。", "Name a wheel of huiyan."),
    "upgrade.other_version": (
        "发布目录说是 {version}，wheel 里却是 {found}。",
        "The feed says {version}, its wheel is {found}.",
    ),
    "upgrade.other_version.hint": ("请告知发布者。", "Tell whoever publishes the feed."),
    "upgrade.parts": (
        "huiyan {version} 的发布应当只有一个 wheel 和一个依赖锁。",
        "A release of huiyan ({version}) consists of one wheel and one lock of its requirements.",
    ),
    "upgrade.parts.hint": ("请告知发布者。", "Tell whoever publishes the feed."),
    "upgrade.python": (
        "huiyan {version} 需要 Python {needs}，这里是 {here}。",
        "huiyan {version} needs Python {needs}; here is {here}.",
    ),
    "upgrade.python.hint": (
        "用更新的 Python 另外安装，并用同一数据目录启动。",
        "Install it with a newer Python of its own, and start it on the same data directory.",
    ),
    "upgrade.unreadable": ("读不了 {path}：{reason}。", "{path} cannot be read: {reason}."),
    "upgrade.install": (
        "huiyan {version} 安装失败：{reason}",
        "huiyan {version} could not be installed: {reason}",
    ),
    "upgrade.install.hint": (
        "检查网络和软件源（UV_DEFAULT_INDEX），再运行一次；正在运行的没有改变。",
        "Check network and package index (UV_DEFAULT_INDEX), and run it again; what runs is unchanged.",
    ),
    "upgrade.write": ("写不了 {path}：{reason}。", "{path} cannot be written: {reason}."),
    "upgrade.write.hint": (
        "检查权限和剩余空间，再运行一次。",
        "Check its permissions and the free space, and run it again.",
    ),
    "upgrade.no_start": (
        "huiyan {version} 装好了，但启动不了：{reason}",
        "huiyan {version} was installed and does not start: {reason}",
    ),
    "upgrade.no_start.hint": (
        "正在运行的没有改变；请告知发布者。",
        "What runs is unchanged; tell whoever publishes it.",
    ),
    "upgrade.cannot_take_over": (
        "huiyan {version} 不能接管正在运行的版本：{reason}",
        "huiyan {version} cannot take over from a running one: {reason}",
    ),
    "upgrade.cannot_take_over.hint": (
        "先 huiyan stop，再安装并启动该版本。",
        "Stop huiyan (huiyan stop), then install and start that version.",
    ),
    "upgrade.rehearsal": (
        "huiyan {version} 的试启动没有成功，正在运行的没有改变：{reason}",
        "huiyan {version} did not get through its rehearsal; what runs is unchanged: {reason}",
    ),
    "upgrade.rehearsal.hint": (
        "按上面的原因处理后再运行一次；否则请告知发布者。",
        "Mend what it says and run it again; otherwise tell whoever publishes it.",
    ),
    "upgrade.handover": (
        "上一个版本留下的交接内容读不出来：{reason}。",
        "What the version before has left cannot be read: {reason}.",
    ),
    "upgrade.handover.hint": ("再启动一次：huiyan start", "Start again: huiyan start"),
    "upgrade.older": (
        "{version} 比正在使用的 {now} 旧。",
        "{version} is older than {now}, which is in use.",
    ),
    "upgrade.older.hint": (
        "回到上一个版本：huiyan update --rollback --component huiyan",
        "Go back to the version before: huiyan update --rollback --component huiyan",
    ),
    "upgrade.no_previous": ("没有可以退回的版本。", "There is no version to go back to."),
    "upgrade.no_previous.hint": (
        "查看有哪些版本：huiyan update --check",
        "See which versions there are: huiyan update --check",
    ),
    "upgrade.busy": ("另一个更新正在进行。", "Another update is under way."),
    "upgrade.busy.hint": ("等它结束：huiyan update --check", "Wait for its end: huiyan update --check"),
    "upgrade.not_here": (
        "这个 huiyan 不是用 huiyan start 启动的，不能接管。",
        "This huiyan was not started by `huiyan start`; no other version can take over.",
    ),
    "upgrade.not_here.hint": (
        "停止后用 huiyan start 启动，再升级。",
        "Stop it, start it with `huiyan start`, and upgrade then.",
    ),
    "upgrade.exec": ("换不成 {python}：{reason}。", "Changing to {python} failed: {reason}."),
    "upgrade.exec.hint": ("再运行一次升级。", "Run the upgrade again."),
    "upgrade.would_lose": (
        (
            "退回 {version} 要恢复升级前的数据库，没有此后的 {keys} 个密钥和 {requests} 次请求的用量"
            "（留在 {kept}）。"
        ),
        (
            "Going back to {version} restores the database from before the upgrade, without the {keys} keys "
            "and the usage of {requests} requests since (they are kept in {kept})."
        ),
    ),
    "upgrade.would_lose.hint": (
        "同意就加上 --yes：huiyan update --rollback --component huiyan --yes",
        "If that is all right, add --yes: huiyan update --rollback --component huiyan --yes",
    ),
    "upgrade.given_back": (
        "huiyan {version} 没有接管成功，原来的版本继续运行：{reason}",
        "huiyan {version} did not take over, the version before goes on: {reason}",
    ),
    "upgrade.given_back.hint": (
        "看日志中的原因：huiyan logs --source launcher",
        "See why in the log: huiyan logs --source launcher",
    ),
    "upgrade.done": ("huiyan {version} 已在运行。", "huiyan {version} is running now."),
    "upgrade.selected": (
        "已选用 huiyan {version}，下次 huiyan start 起生效。",
        "huiyan {version} counts from the next `huiyan start` on.",
    ),
    "upgrade.same": ("huiyan {version} 已在使用。", "huiyan {version} is in use already."),
    "upgrade.step.planned": ("准备", "preparing"),
    "upgrade.step.staging": ("安装并试启动", "installing and rehearsing"),
    "upgrade.step.switching": ("交接", "handing over"),
    "upgrade.step.proving": ("启动并检验新版本", "starting and proving the new version"),
    "upgrade.step.committed": ("完成", "done"),
    "upgrade.step.rolling_back": ("退回", "going back"),
    "upgrade.step.rolled_back": ("已退回", "went back"),
    "upgrade.step.abandoned": ("没有进行", "not made"),
    "upgrade.progress": ("{step}（{seconds} 秒） {detail}", "{step} ({seconds} s) {detail}"),
    "upgrade.silent": (
        "launcher 在升级中消失了。",
        "The launcher has gone in the middle of the upgrade.",
    ),
    "upgrade.silent.hint": (
        "再启动一次，运行的是旧版或新版的其中一个：huiyan start",
        "Start again; it is the old version or the new one, whole: huiyan start",
    ),
    "state.no_copy": (
        "数据库 {database} 的结构版本是 {found}，目标版本只认识到 {known}，而升级前的副本 {copy} 不在。",
        (
            "The database {database} has schema version {found}, the other program knows up to {known}, and "
            "the copy {copy} from before the upgrade is not there."
        ),
    ),
    "state.no_copy.hint": (
        "从自己的备份恢复数据库，或继续使用新版本。",
        "Restore the database from a backup of your own, or stay with the newer version.",
    ),
}
