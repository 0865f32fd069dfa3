"""The simulation's figures as small charts in one SVG: no library, readable on a light and a dark page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.scale.affinity import Result

_WIDTH, _HEIGHT, _GAP, _LEFT, _TOP = 250, 150, 70, 56, 46
_COLOURS = {"round robin": "#8a8a8a", "least work": "#d97706", "affinity": "#2563eb"}
_DASHES = {"round robin": "2 3", "least work": "6 3", "affinity": ""}


def draw(results: Sequence[Result]) -> str:
    """One row for each cache size; columns: prefix hits, picture hits, p99 of the first token."""
    columns: list[tuple[str, Callable[[Any], float], str]] = [
        ("tokens cached, %", lambda each: 100 * each.prefix_hits, "%"),
        ("pictures cached, %", lambda each: 100 * each.picture_hits, "%"),
        ("first token p99, s", lambda each: each.first_p99_s, "s"),
    ]
    caches = sorted({each.kv_tokens for each in results})
    width = _LEFT + len(columns) * (_WIDTH + _GAP)
    height = _TOP + len(caches) * (_HEIGHT + _GAP) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<style>text { font: 12px system-ui, sans-serif }</style>",
        "<title>Routing over 1 to 64 engines: round robin, least work, affinity</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_legend(),
    ]
    for row, cache in enumerate(caches):
        for column, (title, value, _) in enumerate(columns):
            shown = [each for each in results if each.kv_tokens == cache]
            x, y = _LEFT + column * (_WIDTH + _GAP), _TOP + 20 + row * (_HEIGHT + _GAP)
            parts += _chart(shown, value, f"{title} ({cache:,} KV tokens)", x, y)
    return "\n".join([*parts, "</svg>\n"])


def _legend() -> list[str]:
    parts = []
    for i, (name, colour) in enumerate(_COLOURS.items()):
        x = _LEFT + i * 130
        parts.append(_line([(x, 18), (x + 28, 18)], colour, _DASHES[name]))
        parts.append(f'<text x="{x + 34}" y="22" fill="#222">{escape(name)}</text>')
    return parts


def _chart(results: Sequence[Result], value: Callable[[Any], float], title: str, x: int, y: int) -> list[str]:
    sizes = sorted({each.engines for each in results})
    top = _round_up(max(value(each) for each in results))
    last = max(1.0, math.log2(sizes[-1]))

    def place(engines: int, figure: float) -> tuple[float, float]:
        return x + _WIDTH * math.log2(engines) / last, y + _HEIGHT * (1 - figure / top)

    parts = [f'<text x="{x}" y="{y - 8}" fill="#222">{escape(title)}</text>']
    for share in (0.0, 0.5, 1.0):
        _, at = place(1, share * top)
        parts.append(_line([(x, at), (x + _WIDTH, at)], "#dddddd", ""))
        parts.append(
            f'<text x="{x - 6}" y="{at + 4:.1f}" fill="#555" text-anchor="end">{share * top:g}</text>'
        )
    for size in sizes:
        at, _ = place(size, 0)
        parts.append(
            f'<text x="{at:.1f}" y="{y + _HEIGHT + 16}" fill="#555" text-anchor="middle">{size}</text>'
        )
    for name, colour in _COLOURS.items():
        points = [place(each.engines, value(each)) for each in results if each.policy == name]
        parts.append(_line(points, colour, _DASHES[name]))
    parts.append(
        f'<text x="{x + _WIDTH / 2}" y="{y + _HEIGHT + 32}" fill="#555" text-anchor="middle">engines</text>'
    )
    return parts


def _line(points: Sequence[tuple[float, float]], colour: str, dashes: str) -> str:
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'


def _round_up(figure: float) -> float:
    unit = 10 ** math.floor(math.log10(max(figure, 1e-9)))
    return float(next(unit * step for step in (1, 2, 4, 6, 8, 10) if figure <= unit * step))
