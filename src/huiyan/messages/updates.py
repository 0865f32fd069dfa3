"""Sentences of `huiyan update`, and of what it refuses."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    # As another process of ours said it, in both languages.
    "told": ("{said}", "{said}"),
    "told.hint": ("{advice}", "{advice}"),
    "help.update": (
        "更新运行中系统的一个部件：视觉编码器、提示适配器或工具；不影响正在使用的人。",
        "Update a part of the running system: vision encoder, prompt adapter, a tool. Nobody is interrupted.",
    ),
    "help.update.component": (
        "部件名：vision-encoder、prompt-adapter、tool-NAME。",
        "Which part: vision-encoder, prompt-adapter, tool-NAME.",
    ),
    "help.update.feed": (
        "发布目录的路径或 http(s) 网址；默认用设置 update_feed。",
        "Path or http(s) URL of the feed; the setting update_feed if left out.",
    ),
    "help.update.version": ("要这个版本，而不是最新的。", "This version in place of the newest."),
    "help.update.yes": ("不询问，直接开始。", "Begin without asking."),
    "help.update.check": (
        "只看有什么新版本，不改动任何东西。",
        "Only look what there is; change nothing.",
    ),
    "help.update.rollback": (
        "回到上一次更新之前；不写 --component 就是最后更新的部件。",
        "Go back to before the last update; of the part that was updated last, if --component is left out.",
    ),
    "help.update.cancel": ("停止正在进行的更新。", "Stop the update that runs."),
    # Refusals.
    "update.running": ("正在更新 {name}。", "{name} is being updated already."),
    "update.running.hint": (
        "等它结束（huiyan update --check 可查看），或停止它：huiyan update --cancel",
        "Wait for its end (huiyan update --check tells), or stop it: huiyan update --cancel",
    ),
    "update.unknown": ("没有叫 {name} 的部件。", "There is no component {name}."),
    "update.unknown.hint": ("这里有：{known}", "Here are: {known}"),
    "update.fixed": ("{name} 不能这样更新：{note}", "{name} is not updated this way: {note}"),
    "update.fixed.hint": (
        "huiyan update --check 列出可以更新的部件。",
        "huiyan update --check lists what can be updated.",
    ),
    "update.no_feed": ("没有发布目录可看。", "There is no feed to look at."),
    "update.no_feed.hint": (
        '用 --feed 指定路径或网址，或在 huiyan.toml 里写 update_feed = "…"。',
        'Name one with --feed PATH or URL, or set update_feed = "…" in huiyan.toml.',
    ),
    "update.not_in_feed": ("发布目录里没有 {name}。", "The feed has no release of {name}."),
    "update.not_in_feed.hint": ("里面有：{known}", "It has: {known}"),
    "update.no_version": ("发布目录里没有 {name} {version}。", "The feed has no {name} {version}."),
    "update.no_version.hint": ("有的版本：{known}", "Versions that it has: {known}"),
    "update.needs_huiyan": (
        "{name} {version} 需要 huiyan {needed} 或更新；现在是 {huiyan}。",
        "{name} {version} needs huiyan {needed} or newer; this is {huiyan}.",
    ),
    "update.needs_huiyan.hint": ("先升级 huiyan 本身。", "Upgrade huiyan itself first."),
    "update.up_to_date": (
        "{name} 已是 {installed}，发布目录里没有更新的。",
        "{name} is {installed}; the feed has nothing newer.",
    ),
    "update.up_to_date.hint": ("不需要做什么。", "There is nothing to do."),
    "update.downgrade": (
        "发布目录给的 {name} {version} 比现在的 {installed} 旧，不会装旧的。",
        "The feed offers {name} {version}, older than the {installed} that is here: refused.",
    ),
    "update.downgrade.hint": (
        "要回到以前的状态：huiyan update --rollback --component {name}",
        "To go back to what was before: huiyan update --rollback --component {name}",
    ),
    "update.no_rollback": ("{name} 没有可以回去的状态。", "There is nothing before {name} to go back to."),
    "update.no_rollback.hint": (
        "只能回到上一次更新之前。",
        "One can go back to before the last update, and no further.",
    ),
    "update.other_model": (
        "{name} {version} 属于 {base}，现在的模型是 {model}。",
        "{name} {version} belongs to {base}; the model here is {model}.",
    ),
    "update.other_model.hint": (
        "用为这个模型制作的发布版：huiyan release make vision-encoder",
        "Take a release made for this model: huiyan release make vision-encoder",
    ),
    "update.adapter_without": ("这个提示适配器没有 {file}。", "The prompt adapter brings no {file}."),
    "update.adapter_without.hint": (
        "请发布者重新制作：huiyan release make prompt-adapter",
        "Ask its publisher to make it again: huiyan release make prompt-adapter",
    ),
    "update.adapter_refused": (
        "网关不接受这个提示适配器：{reason}",
        "The gateway refuses the prompt adapter: {reason}",
    ),
    "update.gateway_silent": ("网关没有回应。", "the gateway does not answer"),
    "update.adapter_refused.hint": ("原来的适配器照常使用。", "The one before is used on."),
    "update.digest": (
        "{path} 的内容与发布目录写的校验值不符。",
        "{path} is not what the feed's digest says.",
    ),
    "update.digest.hint": (
        "稍后再试；若一直如此，请告诉发布者。",
        "Try again later; if it stays so, tell whoever publishes the feed.",
    ),
    "update.no_text": ("{path} 不是 UTF-8 文本。", "{path} is not UTF-8 text."),
    "update.no_text.hint": ("请发布者重新制作。", "Ask its publisher to make it again."),
    "update.sees_less": (
        "新的视觉编码器认不出原来认得的东西：{missed}（{total} 题里错 {count} 题）。",
        "The new vision encoder does not see what the one before saw: {missed} ({count} of {total}).",
    ),
    "update.sees_less.hint": (
        "请告诉发布者；原来的编码器照常使用。",
        "Tell its publisher; the encoder before is used on.",
    ),
    "update.examining": (
        "{name} {version} 是停机时装上的，正在首次检验；请求稍候。",
        "{name} {version} was committed while nothing ran and is examined now; requests wait.",
    ),
    "update.examined": ("{name} {version} 通过了检验。", "{name} {version} has passed its examination."),
    "update.sees_as_much": (
        "原来的编码器认得的也不比它多。",
        "The encoder before sees no more than this one.",
    ),
    "update.sees_as_much.hint": ("不需要做什么。", "There is nothing to do."),
    "update.went_back": (
        "{name} {version} 没有通过检验，已自动退回原来的：{cause}",
        "{name} {version} did not pass its examination; what was before is active again: {cause}",
    ),
    "update.tool_not_current": (
        "工具 {name} 没有切换到新版本。",
        "The tool {name} did not become the new version.",
    ),
    "update.tool_not_current.hint": ("huiyan tools list 可查看。", "huiyan tools list tells how it stands."),
    "update.tool_file": (
        "{name} 应当正好带一个 .whl 或 .py 文件。",
        "{name} has to bring exactly one .whl or .py file.",
    ),
    "update.tool_file.hint": ("请发布者重新制作。", "Ask its publisher to make it again."),
    "update.tool_version": (
        "发布目录称它为 {name} {version}，文件自己写的却是 {found}。",
        "The feed calls it {name} {version}; the file itself says {found}.",
    ),
    "update.tool_version.hint": ("请告诉发布者。", "Tell whoever publishes the feed."),
    "update.not_ready": ("huiyan 还在启动。", "huiyan is still starting."),
    "update.not_ready.hint": ("就绪后再试：huiyan status", "Try again when it is ready: huiyan status"),
    "update.interrupted": (
        "{name} 更新到 {version} 时被中断；已回到更新之前。重新运行更新即可继续。",
        "The update of {name} to {version} was interrupted; what was before is active. Run it again.",
    ),
    "update.not_taken": (
        "没有采用 {name} {version}：{cause} 原来的照常使用。",
        "{name} {version} was not taken: {cause} What was active before is active again.",
    ),
    "update.not_taken.hint": ("{advice}", "{advice}"),
    "update.as_before": ("原来的照常使用。", "What was there before is used on."),
    # Why a component is not replaced here.
    "update.note.huiyan": (
        "整体升级：huiyan update --full",
        "Upgraded as a whole: huiyan update --full",
    ),
    "update.note.engine": (
        "随 huiyan 一起升级；换用别的引擎：huiyan engines list",
        "Upgraded together with huiyan; other engines: huiyan engines list",
    ),
    "update.note.not_in_store": (
        "模型不在模型仓库里（直接用了文件）",
        "The model is not in the store; it is served from its own files",
    ),
    # What the command says.
    "update.plan": ("{name}：{installed} → {version}", "{name}: {installed} → {version}"),
    "update.plan.download": ("要取的数据：{size}", "To be fetched: {size}"),
    "update.plan.kept": ("保持不变：{size}", "Kept as it is: {size}"),
    "update.plan.pause": ("预计等待：约 {seconds} 秒", "Expected wait: about {seconds} s"),
    "update.plan.no_pause": ("预计等待：无", "Expected wait: none"),
    "update.plan.unknown_pause": ("预计等待：不知道", "Expected wait: not known"),
    "update.plan.changes": ("变化（{name}）：", "What changes ({name}):"),
    "update.how.beside": (
        "新引擎在旧引擎旁边启动，通过检查后接手；进行中的回答由旧引擎写完。",
        "A new engine starts beside this one and takes over once proven; running answers end on the old.",
    ),
    "update.how.restart": (
        "内存不够两个引擎：新请求排队，等引擎换好。",
        "Memory does not suffice for two engines: new requests wait while the engine is replaced.",
    ),
    "update.how.swap": (
        "在运行的引擎里直接替换；进行中的回答短暂停顿后继续。",
        "Replaced inside the running engine; answers under way pause for a moment and go on.",
    ),
    "update.how.next_request": ("从下一次请求起生效。", "Takes effect with the next request."),
    "update.how.next_call": ("从下一次调用起生效。", "Takes effect with the next call."),
    "update.how.next_start": (
        "huiyan 没有运行：下次启动时生效。",
        "huiyan is not running: it takes effect with the next start.",
    ),
    "update.how.processes": (
        "网关和引擎会换成新的进程；网页保持连接。",
        "Gateway and engine are replaced; pages stay connected.",
    ),
    "models.phase.planned": ("准备", "Preparing"),
    "models.phase.staging": ("获取并检查", "Fetching and checking"),
    "models.phase.switching": ("切换", "Switching"),
    "models.phase.proving": ("检验", "Proving"),
    "models.phase.rolling_back": ("退回", "Rolling back"),
    "models.phase.rolled_back": ("已退回", "Rolled back"),
    "models.phase.committed": ("写入", "Committing"),
    "models.phase.abandoned": ("未改动", "Nothing changed"),
    "update.back": ("{name}：{installed} → 退回 {version}", "{name}: {installed} → back to {version}"),
    "update.ask": ("开始吗？", "Begin?"),
    "update.declined": ("什么也没有改动。", "Nothing was changed."),
    "update.needs_yes": ("这里不能询问。", "There is nobody to ask here."),
    "update.needs_yes.hint": ("加 --yes 直接开始。", "Add --yes to begin without asking."),
    "update.needs_component": ("要更新哪个部件？", "Which component?"),
    "update.needs_component.hint": (
        "用 --component NAME 指定；huiyan update --check 列出部件。",
        "Name it with --component NAME; huiyan update --check lists them.",
    ),
    "update.step.planned": ("准备", "Preparing"),
    "update.step.staging": ("获取并检查", "Fetching and checking"),
    "update.step.switching": ("切换", "Switching"),
    "update.step.proving": ("检验", "Proving"),
    "update.step.committed": ("完成", "Committed"),
    "update.step.rolling_back": ("退回", "Rolling back"),
    "update.step.rolled_back": ("已退回", "Rolled back"),
    "update.step.abandoned": ("未改动", "Nothing changed"),
    "update.done": ("{name} 现在是 {version}。", "{name} is {version} now."),
    "update.done_pause": (
        "{name} 现在是 {version}；请求等了 {seconds} 秒。",
        "{name} is {version} now; requests waited for {seconds} s.",
    ),
    "update.done_next_start": (
        "{name} {version} 已就位，下次启动时生效。",
        "{name} {version} is in place; it takes effect with the next start.",
    ),
    "update.same": (
        "{name} 已经就是这个内容，没有改动。",
        "{name} is exactly this already; nothing was changed.",
    ),
    "update.cancelled": ("已取消；{name} 和原来一样。", "Cancelled; {name} is as it was."),
    "update.cancel_sent": ("已请求停止。", "It was asked to stop."),
    "update.head.name": ("部件", "Component"),
    "update.head.version": ("版本", "Version"),
    "update.head.available": ("可更新到", "Available"),
    "update.head.back": ("可退回到", "Back to"),
    "update.head.note": ("说明", "Note"),
    "update.feed_is": ("发布目录：{feed}", "Feed: {feed}"),
    "update.feed_none": (
        (
            "没有设置发布目录，所以没有查找新版本。指定一个：huiyan update --check --feed 地址，"
            "或在 huiyan.toml 里写 update_feed。"
        ),
        (
            "No release feed is configured, so nothing newer was looked for. Name one: "
            "huiyan update --check --feed ADDRESS, or update_feed in huiyan.toml."
        ),
    ),
    "update.runs": ("正在更新：{name} {version}，{step}", "Under way: {name} {version}, {step}"),
    "update.title": ("内容：{title}", "What it brings: {title}"),
    "status.components": ("部件：{components}", "Components: {components}"),
}
