"""llama.cpp's child with nano and a chat template that knows tools, so that a grammar can make it call one.

nano's own template has no word for tools; its weights need none, since `tool_choice: required` leaves the
model no other choice than a call. The template is ours, in the form that Qwen's models are trained with.
"""

from __future__ import annotations

from typing import Any

from huiyan.engines import llama_cpp_child

TEMPLATE = r"""
{%- if tools %}{{- '<|im_start|>system\n<tools>' }}
{%- for tool in tools %}{{- '\n' + (tool | tojson) }}{%- endfor %}
{{- '\n</tools>\nCall one as <tool_call>\n{"name": NAME, "arguments": OBJECT}\n</tool_call><|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' and message.tool_calls %}
{{- '<|im_start|>assistant\n' + (message.content or '') }}
{%- for call in message.tool_calls %}
{{- '\n<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- (call.function.arguments | tojson) + '}\n</tool_call>' }}
{%- endfor %}{{- '<|im_end|>\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' }}
{%- else %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
"""

_own = llama_cpp_child.server_params


def with_tools(boot: Any) -> Any:
    params = _own(boot)
    params.chat_template = TEMPLATE.strip()
    return params


if __name__ == "__main__":
    llama_cpp_child.server_params = with_tools
    llama_cpp_child.main()
