"""Pages with one random table each, for documents.py to draw: random words, spans, fonts, lines and paddings.

    python -m benchmark.make.generated

Writes benchmark/hand/generated-NN.html; the number is the seed.
"""

from __future__ import annotations

import random
from pathlib import Path

_HAND = Path(__file__).resolve().parents[1] / "hand"
#: What the groups of the cases in SOURCES.toml say of them: lines, spans, Chinese.
_KINDS = [
    (True, False, False),
    (True, True, False),
    (True, True, True),
    (True, False, True),
    (False, False, False),
    (False, False, True),
    (False, True, False),
    (False, True, True),
    (True, True, False),
    (False, True, True),
]
_WORDS = """
Amber Basin Copper Delta Ember Flint Garnet Harbour Indigo Juniper Kettle Lantern Marble Needle Orchard
Pebble Quarry Ribbon Saddle Timber Umbra Velvet Willow Yarrow Zephyr
""".split()  # noqa: SIM905 - easier to read than a list
_CHINESE = """
苹果 仓库 订单 编号 客户 数量 单价 备注 华东 华南 已发货 待审核 退货 含税 折扣 运费 供应商
合同 季度 预算 完成率 负责人
""".split()  # noqa: SIM905
_FONTS = ["Noto Sans CJK SC", "Noto Serif CJK SC", "WenQuanYi Micro Hei", "DejaVu Sans", "Liberation Serif"]


def main() -> None:
    """Write them all."""
    for seed, (lines, spans, chinese) in enumerate(_KINDS, 1):
        page = _page(random.Random(seed), lines=lines, spans=spans, chinese=chinese)
        (_HAND / f"generated-{seed:02}.html").write_text(page, "utf-8")


def _page(chance: random.Random, *, lines: bool, spans: bool, chinese: bool) -> str:
    rows, columns = chance.randint(5, 11), chance.randint(3, 7)
    taken: set[tuple[int, int]] = set()
    body = []
    for row in range(rows):
        cells = []
        for column in range(columns):
            if (row, column) in taken:
                continue
            across, down = _span(chance, row, column, rows, columns, lines=lines) if spans else (1, 1)
            area = {(r, c) for r in range(row, row + down) for c in range(column, column + across)}
            if area & taken:
                across, down, area = 1, 1, {(row, column)}
            taken |= area
            text = _text(chance, row, column, chinese=chinese)
            cells.append(_cell(across, down, text, centred=not lines))
        body.append(f"<tr>{''.join(cells)}</tr>")
    return _STYLE.format(
        size=chance.randint(13, 19),
        font=chance.choice(_FONTS[:3] if chinese else _FONTS),
        border=f"{chance.choice([1, 1, 2])}px solid {chance.choice(['#000', '#555', '#999'])}"
        if lines
        else "0",
        down=chance.randint(3, 9),
        across=chance.randint(8, 20),
        align=chance.choice(["left", "center", "left"]),
        rows="\n".join(body),
    )


def _border(chance: random.Random) -> str:
    return f"{chance.choice([1, 1, 2])}px solid {chance.choice(['#000', '#555', '#999'])}"


def _span(
    chance: random.Random, row: int, column: int, rows: int, columns: int, *, lines: bool
) -> tuple[int, int]:
    """(columns, rows). Without lines nothing but a head over several columns can be seen."""
    if not lines:
        wide = row == 0 and column > 0 and column + 1 < columns and chance.random() < 0.6
        return (2, 1) if wide else (1, 1)
    across = 2 if column + 1 < columns and chance.random() < 0.12 else 1
    down = chance.choice([2, 3]) if row + 2 < rows and across == 1 and chance.random() < 0.1 else 1
    return across, down


def _cell(across: int, down: int, text: str, *, centred: bool) -> str:
    """centred: where no line shows how far a cell reaches, its text does."""
    style = ' style="text-align: center"' if centred and across > 1 else ""
    spans = f' colspan="{across}"' * (across > 1) + f' rowspan="{down}"' * (down > 1)
    return f"<td{spans}{style}>{text}</td>"


def _text(chance: random.Random, row: int, column: int, *, chinese: bool) -> str:
    words = _CHINESE if chinese else _WORDS
    if row == 0 or column == 0:
        return "".join(chance.sample(words, 2)) if chinese else chance.choice(words)
    kind = chance.random()
    if kind < 0.5:
        return f"{chance.uniform(0, 5000):,.{chance.choice([0, 1, 2])}f}"
    if kind < 0.58:
        return ""
    return ("" if chinese else " ").join(chance.sample(words, chance.choice([1, 2])))


_STYLE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 30px; font: {size}px "{font}" }}
table {{ border-collapse: collapse }}
td {{ border: {border}; padding: {down}px {across}px; text-align: {align} }}
</style>
<table>
{rows}
</table>
"""


if __name__ == "__main__":
    main()
