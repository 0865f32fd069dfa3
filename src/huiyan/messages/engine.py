"""Sentences about the engine's and the gateway's life. `engine.CODE`: what a code means."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "state.starting": ("正在启动", "starting"),
    "state.loading": ("正在加载模型", "loading the model"),
    "state.warming": ("正在用一张图片自检", "checking itself with a picture"),
    "state.ready": ("就绪", "ready"),
    "state.restarting": ("正在重启", "restarting"),
    "state.failed": ("已停止工作", "failed"),
    "state.stopped": ("已停止", "stopped"),
    "part.engine": ("引擎", "engine"),
    "part.gateway": ("网关", "gateway"),
    "part.restarting": (
        "{part}异常退出，{delay} 秒后重启：{cause}",
        "The {part} ended unexpectedly and is restarted in {delay} s: {cause}",
    ),
    "part.restarted": ("{part}已恢复。", "The {part} is back."),
    "part.failed": (
        "{part}多次崩溃，不再重启：{cause}",
        "The {part} crashed again and again and stays down: {cause}",
    ),
    "part.failed.hint": (
        "查看日志：huiyan logs；然后重新启动：huiyan stop && huiyan start",
        "Read the log: huiyan logs; then start anew: huiyan stop && huiyan start",
    ),
    "engine.engine_assertion": ("llama.cpp 内部断言失败（{detail}）", "{detail}"),
    "engine.engine_out_of_memory": ("引擎得不到模型所需的内存。", "{detail}"),
    "engine.engine_killed": (
        "引擎被外部终止（SIGKILL）；如果不是您做的，多半是系统内存不足。",
        "{detail}",
    ),
    "engine.engine_crashed": ("引擎崩溃（{detail}）", "{detail}"),
    "engine.engine_exited": ("引擎自行退出（{detail}）", "{detail}"),
    "engine.engine_model_rejected": ("引擎无法加载这个模型：{detail}", "{detail}"),
    "engine.engine_missing": ("引擎无法使用（{detail}）", "{detail}"),
    "engine.engine_missing.hint": (
        (
            "重新安装它：vLLM 用 huiyan engines install vllm；"
            "llama.cpp 用 pip install --force-reinstall xllamacpp"
        ),
        "Install it again: huiyan engines install vllm; llama.cpp: pip install --force-reinstall xllamacpp",
    ),
    "engine.model_file_missing": ("引擎读不到模型文件：{detail}", "{detail}"),
    "engine.start_timeout": ("引擎没有在规定时间内就绪：{detail}", "{detail}"),
    "engine.spawn_failed": ("引擎进程无法启动：{detail}", "{detail}"),
    "engine.other": ("{detail}", "{detail}"),
    "engine.engine_out_of_memory.hint": (
        "换小一些的模型，减小 HUIYAN_ENGINE__CONTEXT_TOKENS，或关闭其他程序。",
        "Use a smaller model, lower HUIYAN_ENGINE__CONTEXT_TOKENS, or close other programs.",
    ),
    "engine.engine_killed.hint": (
        "如果不是您终止的，请换小一些的模型或上下文（dmesg | grep -i oom 可确认）。",
        "If nobody did it, use a smaller model or context (dmesg | grep -i oom confirms it).",
    ),
    "engine.engine_model_rejected.hint": (
        "文件可能已损坏，或比引擎新：重新下载，或换一个模型；详情：huiyan logs --source engine",
        "The file may be damaged or too new: fetch it again or take another; huiyan logs --source engine",
    ),
    "engine.start_timeout.hint": (
        "给它更多时间（HUIYAN_ENGINE__LOAD_TIMEOUT_S=1800），或换小一些的模型。",
        "Give it longer (HUIYAN_ENGINE__LOAD_TIMEOUT_S=1800), or take a smaller model.",
    ),
    "engine.other.hint": (
        "查看引擎日志：huiyan logs --source engine；检查机器和文件：huiyan doctor",
        "Read the engine's log: huiyan logs --source engine; check machine and files: huiyan doctor",
    ),
    "gateway.others": ("其他机器可访问（需要密钥）：{urls}", "Others reach it, with a key, at: {urls}"),
    "gateway.plain": (
        "没有 HTTPS：同一网络里的人能看到内容和密钥。请加上 --tls-self-signed。",
        "Without HTTPS whoever shares the network reads along, keys too: add --tls-self-signed.",
    ),
    "start.engine": ("引擎没有启动成功：{cause}", "The engine did not start: {cause}"),
    "start.engine.hint": ("{advice}", "{advice}"),
    "start.gateway": ("网关没有启动成功：{cause}", "The gateway did not start: {cause}"),
    "start.gateway.hint": (
        "查看网关日志：huiyan logs --source gateway",
        "Read the gateway's log: huiyan logs --source gateway",
    ),
    "start.timeout": (
        "{seconds} 秒内没有就绪，已停在这一步：{step}。",
        "It was not ready within {seconds} s; it stood at: {step}.",
    ),
    "start.timeout.hint": (
        "给它更多时间：huiyan start --timeout-s 1800；或换小一些的模型。",
        "Give it longer: huiyan start --timeout-s 1800; or take a smaller model.",
    ),
    "warmup.failed": ("引擎预热时请求失败：{reason}", "A warm-up request failed: {reason}"),
    "warmup.failed.hint": (
        "查看引擎日志：huiyan logs --source engine",
        "Read the engine's log: huiyan logs --source engine",
    ),
    "canary.no_answer": (
        "引擎没有回答测试图片：{reason}",
        "The engine did not answer about the test picture: {reason}",
    ),
    "canary.no_answer.hint": (
        "查看引擎日志：huiyan logs --source engine",
        "Read the engine's log: huiyan logs --source engine",
    ),
    "canary.implausible": (
        "引擎对测试图片（白底红色圆形）的回答不对：{answer}",
        "The engine's answer about the test picture (a red circle on white) is not right: {answer}",
    ),
    "canary.implausible.hint": (
        "mmproj 文件多半与模型不匹配，或文件已损坏；换一对文件：huiyan start --model-path 目录",
        (
            "The mmproj file probably belongs to another model, or a file is damaged; "
            "take another pair: huiyan start --model-path DIRECTORY"
        ),
    ),
}
