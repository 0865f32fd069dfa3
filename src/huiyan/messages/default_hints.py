"""What to do about an error that brings no advice of its own: `default_hint` of its type, by its code.

The English sentences are those of `huiyan.errors`; a test holds the two together.
"""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "default_hint.invalid_json": (
        "按 OpenAI API 的格式发送一个 JSON 对象，并带上 Content-Type: application/json。",
        "Send a JSON object as the OpenAI API describes it, with Content-Type: application/json.",
    ),
    "default_hint.empty_prompt": (
        "写一个问题，或加一张图片，再发送。",
        "Write a question, or add a picture, and send again.",
    ),
    "default_hint.invalid_image": (
        "用看图软件打开这张图片，另存为 PNG 或 JPEG。",
        "Open the picture in a viewer and save it again as PNG or JPEG.",
    ),
    "default_hint.image_timeout": (
        "把图片另存为像素更少的 JPEG 或 PNG，再发送。",
        "Save the picture again as JPEG or PNG, with fewer pixels, and send that.",
    ),
    "default_hint.image_decoder_failed": (
        "用看图软件打开这张图片，另存为 PNG 或 JPEG，再发送。",
        "Open the picture in a viewer, save it again as PNG or JPEG, and send that.",
    ),
    "default_hint.image_url_refused": (
        "直接以 data URL 发送图片：data:image/jpeg;base64,…",
        "Send the picture itself as a data URL: data:image/jpeg;base64,…",
    ),
    "default_hint.image_fetch_failed": (
        "自行下载图片，再以 data URL 发送：data:image/jpeg;base64,…",
        "Download the picture yourself and send it as a data URL: data:image/jpeg;base64,…",
    ),
    "default_hint.image_missing": (
        "用 PUT /api/images/{{sha256}} 或 data URL 重新发送这些图片，再重发请求。",
        "Send each again with PUT /api/images/{{sha256}}, or as a data URL, then repeat the request.",
    ),
    "default_hint.invalid_form": (
        "发送 `prompt` 和 `image` 两部分，或一个 `request`（JSON），其中的图片写作 attachment://名称。",
        "Send the parts `prompt` and `image`, or a part `request` (JSON) whose pictures are attachment://NAME.",
    ),
    "default_hint.context_length_exceeded": (
        "缩短对话，或少发、缩小图片。",
        "Shorten the conversation or send fewer or smaller pictures.",
    ),
    "default_hint.tool_not_found": (
        "GET /api/tools 列出现有的工具。",
        "GET /api/tools lists the tools that are there now.",
    ),
    "default_hint.invalid_tool_arguments": (
        "GET /api/tools 里有该工具的 input_schema，请按它填写。",
        "GET /api/tools has the tool's input_schema; send what it asks for.",
    ),
    "default_hint.idempotency_conflict": (
        "每个新请求用一个新的 Idempotency-Key。",
        "Use a new Idempotency-Key for each new request.",
    ),
    "default_hint.model_busy": (
        "等它下载完，或先取消。",
        "Wait until it is fetched, or cancel it first.",
    ),
    "default_hint.no_launcher": (
        "在那台机器上运行：huiyan models pull 模型名，然后 huiyan start。",
        "On the machine itself: huiyan models pull MODEL, then huiyan start.",
    ),
    "default_hint.engine_error": (
        "再发送一次；引擎说了什么，见 `huiyan logs`。",
        "Send the request again; `huiyan logs` shows what the engine said.",
    ),
    "default_hint.engine_died": (
        "它正在重新启动。过几秒再发送一次。",
        "It is being restarted. Send the request again in a few seconds.",
    ),
    "default_hint.engine_starting": (
        "模型正在加载。过几秒再试；何时就绪，看 /health。",
        "The model is being loaded. Try again in a few seconds; /health says when it is ready.",
    ),
    "default_hint.release_feed_error": (
        "请告诉发布者，或用 `huiyan release make` 重新制作。",
        "Ask whoever publishes the feed, or make it again with `huiyan release make`.",
    ),
    "default_hint.tool_error": (
        "`huiyan tools logs 名称` 可看到它说了什么；其他工具不受影响。",
        "`huiyan tools logs NAME` shows what the tool said; other tools are not affected.",
    ),
    "default_hint.tools_unavailable": (
        "过几秒再试；工具由 `huiyan start` 运行，`huiyan serve` 不运行工具。",
        "Try again in a few seconds; `huiyan start` runs the tools, `huiyan serve` does not.",
    ),
    "default_hint.tool_manifest_invalid": (
        "清单的写法见 docs/guides/tool-authors.zh-CN.md。",
        "docs/guides/tool-authors.md describes the manifest.",
    ),
    "default_hint.tool_install_failed": (
        "请看上面 uv 的输出；没有改动任何东西。",
        "Read what uv said above; nothing was changed.",
    ),
    "default_hint.cluster_error": (
        "现状见 `huiyan cluster status`。",
        "`huiyan cluster status` says how it stands.",
    ),
}
