"""Greedy answers of the Hugging Face model, or of a server, to the samples of `nano.overfit`.

    python -m nano.parity RUN/samples.pt --model HF
    python -m nano.parity RUN/samples.pt --server http://127.0.0.1:PORT

Prints prompt tokens, whether the answer is the expected one, and the answer: the two lists
should be the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from nano.client import chat, text_of

#: Pictures and question to (prompt tokens, answer).
Answer = Callable[[list[Image.Image], str], tuple[int, str]]


def of_model(folder: Path) -> Answer:
    """transformers, fp32, one thread."""
    import torch
    from transformers import AutoProcessor, Qwen3VLForConditionalGeneration

    torch.set_num_threads(1)
    model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)

    def answer(images: list[Image.Image], asked: str) -> tuple[int, str]:
        content = [{"type": "image", "image": image} for image in images] + [{"type": "text", "text": asked}]
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            tokenize=True,
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        )
        output = model.generate(**inputs, max_new_tokens=200, do_sample=False)
        prompt_tokens = inputs["input_ids"].shape[1]
        return prompt_tokens, processor.decode(output[0, prompt_tokens:], skip_special_tokens=True)

    return answer


def of_server(base_url: str) -> Answer:
    def answer(images: list[Image.Image], asked: str) -> tuple[int, str]:
        given = chat(base_url, images, asked)
        return given["usage"]["prompt_tokens"], text_of(given)

    return answer


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", type=Path)
    which.add_argument("--server")
    arguments = parser.parse_args()
    answer = of_model(arguments.model) if arguments.model else of_server(arguments.server)
    # Pickled pictures: load only files that nano.overfit wrote here.
    for images, turns in torch.load(arguments.samples, weights_only=False):
        prompt_tokens, given = answer(images, turns[0].question)
        print(prompt_tokens, given == turns[0].answer, repr(given))


if __name__ == "__main__":
    main()
