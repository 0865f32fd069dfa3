"""A small byte-level BPE tokenizer with Qwen's pre-tokenizer and special tokens.

    python -m nano.tokenizer ASSETS OUT

Common Chinese characters are one token each; English merges are learnt from the word lists and
the answer templates. Merges depend on the generator's samples: to go on from shipped weights,
take their tokenizer.json.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path

from nano.assets import Assets
from nano.bpe import byte_characters, learn_merges
from nano.charset import HANZI, PUNCTUATION
from nano.conversation import draw_conversation
from nano.dice import Dice
from nano.scenes.goods import SPECIFICATIONS
from nano.vocabulary import all_texts

SPECIAL = [
    *["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"],
    *["<|box_start|>", "<|box_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"],
    *["<|image_pad|>", "<|video_pad|>"],
]
#: Qwen2's pre-tokenizer.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "{%- for m in messages -%}<|im_start|>{{ m.role + '\\n' }}"
    "{%- if m.content is string -%}{{ m.content }}{%- else -%}{%- for c in m.content -%}"
    "{%- if c.type in ('image', 'image_url') or 'image' in c or 'image_url' in c -%}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{%- elif 'text' in c -%}{{ c.text }}{%- endif -%}{%- endfor -%}{%- endif -%}<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
)

_EXTRA_CHARACTERS = "—…’‘·、％＋－／～♪★☆●✨🎉👍"
_ENGLISH_MERGES = 1400
_SAMPLES = 2500
_ENGLISH_WORDS = 12000
#: The vocabulary's texts count this often, the samples once.
_VOCABULARY_WEIGHT = 12
_PAD_TO = 64


class Tokenizer:
    """The built tokenizer, with the ids that training needs.

    pad, end, image: of <|endoftext|>, <|im_end|> and <|image_pad|>. size: of the embedding, a
    multiple of 64.
    """

    def __init__(self, folder: Path) -> None:
        import tokenizers

        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.special: dict[str, int] = {text: self._tokenizer.token_to_id(text) for text in SPECIAL}
        self.pad = self.special["<|endoftext|>"]
        self.end = self.special["<|im_end|>"]
        self.image = self.special["<|image_pad|>"]
        self.size = -(-int(self._tokenizer.get_vocab_size()) // _PAD_TO) * _PAD_TO

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def build(assets: Assets, out: Path) -> None:
    """Learn the merges and write tokenizer.json, tokenizer_config.json and chat_template.jinja."""
    tokens, merges = _learn(assets)
    ids = {token: i for i, token in enumerate(tokens)}
    added = [
        {"id": len(ids) + i, "content": text, "single_word": False, "lstrip": False, "rstrip": False}
        | {"normalized": False, "special": True}
        for i, text in enumerate(SPECIAL)
    ]
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = json.dumps(_tokenizer_json(ids, merges, added), ensure_ascii=False)
    (out / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    config = json.dumps(_config_json(added), ensure_ascii=False, indent=1)
    (out / "tokenizer_config.json").write_text(config, encoding="utf-8")
    (out / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    print("vocabulary", len(ids) + len(SPECIAL), "merges", len(merges))


def _learn(assets: Assets) -> tuple[list[str], list[tuple[str, str]]]:
    """(tokens in the order of their ids, merges in the order of their ranks)."""
    as_characters = byte_characters()

    def encoded(text: str) -> str:
        return "".join(as_characters[byte] for byte in text.encode())

    merges: list[tuple[str, str]] = []
    tokens = [as_characters[byte] for byte in range(256)]
    seen = set(tokens)

    def merge(left: str, right: str) -> None:
        if left + right not in seen:
            seen.add(left + right)
            tokens.append(left + right)
            merges.append((left, right))

    for character in PUNCTUATION + _EXTRA_CHARACTERS + HANZI:
        symbols = encoded(character)
        for i in range(2, len(symbols) + 1):
            merge(symbols[: i - 1], symbols[i - 1])
    counts = Counter({encoded(word): count for word, count in _english_words(assets).items()})
    for left, right in learn_merges(counts, _ENGLISH_MERGES):
        merge(left, right)
    return tokens, merges


def _english_words(assets: Assets) -> Counter[str]:
    """How often each piece of ASCII text is met."""
    import regex

    rng = random.Random(0)
    dice = Dice(rng, assets)
    texts = [*all_texts(), *(name for pairs in SPECIFICATIONS.values() for name, _ in pairs)]
    texts *= _VOCABULARY_WEIGHT
    for _ in range(_SAMPLES):
        for turn in draw_conversation(dice, 1, (14, 14)).turns:
            texts += [turn.question, turn.answer]
    texts += [" " + word for word in rng.sample(assets.en_words, _ENGLISH_WORDS)]
    texts += ["user", "assistant", "system"] * 300
    split = regex.compile(PATTERN)
    pieces = (piece for text in texts for piece in split.findall(text))
    return Counter(piece for piece in pieces if piece.isascii() and len(piece) > 1)


def _tokenizer_json(
    ids: dict[str, int], merges: list[tuple[str, str]], added: list[dict[str, object]]
) -> dict[str, object]:
    """In the form of Hugging Face's tokenizers."""
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": False,
        "use_regex": False,
    }
    split = {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": ids,
        "merges": [list(pair) for pair in merges],
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": model,
    }


def _config_json(added: list[dict[str, object]]) -> dict[str, object]:
    """In the form of transformers."""
    decoder = {
        str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in added
    }
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "additional_special_tokens": SPECIAL[1:],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "errors": "replace",
        "model_max_length": 4096,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": decoder,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    build(Assets(arguments.assets), arguments.out)


if __name__ == "__main__":
    main()
