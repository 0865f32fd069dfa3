"""A tool's icon: one of the page's own by name, or an SVG reduced to the shapes that it draws.

Nobody's markup reaches the page. What is kept of an SVG is a list of known shapes with known attributes,
and the page makes its own elements from them: there is no place for a script, a style sheet, a link or a
reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from huiyan.errors import ToolManifestError
from huiyan.messages import refusal

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

#: Icons that the page has by itself.
NAMED: Final = frozenset(
    {"chart", "code", "document", "image", "search", "table", "text", "tool", "translate"}
)

_MAX_SVG_BYTES: Final = 16 * 1024
_MAX_SHAPES: Final = 64
_SVG: Final = "{http://www.w3.org/2000/svg}"
_GROUPS: Final = frozenset({"svg", "g"})
_PAINT: Final = re.compile(r"none|currentColor")
_NUMBER: Final = re.compile(r"-?\d{0,6}(\.\d{1,6})?(e-?\d{1,2})?")
_NUMBERS: Final = re.compile(r"[-+.,\d\seE]{1,4000}")
_PATH: Final = re.compile(r"[-+.,\d\sMmZzLlHhVvCcSsQqTtAaeE]{1,8000}")
_WORD: Final = re.compile(r"[a-z]{1,20}")
_ANY: Final = {
    "fill": _PAINT,
    "fill-rule": _WORD,
    "stroke": _PAINT,
    "stroke-linecap": _WORD,
    "stroke-linejoin": _WORD,
    "stroke-width": _NUMBER,
}
_SHAPES: Final[dict[str, dict[str, re.Pattern[str]]]] = {
    "path": {"d": _PATH},
    "circle": dict.fromkeys(("cx", "cy", "r"), _NUMBER),
    "ellipse": dict.fromkeys(("cx", "cy", "rx", "ry"), _NUMBER),
    "rect": dict.fromkeys(("x", "y", "width", "height", "rx", "ry"), _NUMBER),
    "line": dict.fromkeys(("x1", "y1", "x2", "y2"), _NUMBER),
    "polyline": {"points": _NUMBERS},
    "polygon": {"points": _NUMBERS},
}


class Shape(msgspec.Struct, frozen=True):
    """One SVG element. attributes: by name, all of them harmless."""

    tag: str
    attributes: dict[str, str]


class Icon(msgspec.Struct, frozen=True, kw_only=True):
    """Either `name`, one of the page's own, or `shapes` on `view_box`."""

    name: str | None = None
    view_box: str = "0 0 24 24"
    shapes: tuple[Shape, ...] = ()


def named(name: str) -> Icon:
    """Raises: ToolManifestError."""
    if name not in NAMED:
        raise refusal(ToolManifestError, "tool.icon_unknown", name=name, known=", ".join(sorted(NAMED)))
    return Icon(name=name)


def from_svg(text: str) -> Icon:
    """The shapes of a small one-coloured SVG; whatever else it holds is left out.

    Raises: ToolManifestError (no SVG, too large, a DTD, nothing to draw).
    """
    if len(text) > _MAX_SVG_BYTES or "<!" in text.replace("<!--", ""):
        raise refusal(ToolManifestError, "tool.icon_large")
    from xml.etree import ElementTree as ET  # the gateway, which reads no SVG, starts without it

    try:
        root = ET.fromstring(text)  # noqa: S314 - documents with a DTD, where entities come from, were refused
    except ET.ParseError as error:
        raise refusal(ToolManifestError, "tool.icon_broken", reason=error) from None
    if _local(root) != "svg":
        raise refusal(ToolManifestError, "tool.icon_no_svg")
    shapes = tuple(_shapes(root, {}, depth=0))[:_MAX_SHAPES]
    if not shapes:
        raise refusal(ToolManifestError, "tool.icon_empty", known=", ".join(sorted(_SHAPES)))
    box = root.get("viewBox", "0 0 24 24")
    return Icon(view_box=box if re.fullmatch(r"[-.\d\s]{7,60}", box) else "0 0 24 24", shapes=shapes)


def _shapes(element: ET.Element, inherited: dict[str, str], *, depth: int) -> Iterator[Shape]:
    if depth > 8:
        return
    paint = inherited | _allowed(element, _ANY)
    tag = _local(element)
    if tag in _GROUPS:
        for child in element:
            yield from _shapes(child, paint, depth=depth + 1)
    elif tag in _SHAPES and (drawn := _allowed(element, _SHAPES[tag])):
        yield Shape(tag, paint | drawn)


def _local(element: ET.Element) -> str:
    return str(element.tag).removeprefix(_SVG)


def _allowed(element: ET.Element, patterns: dict[str, re.Pattern[str]]) -> dict[str, str]:
    found = {name: element.get(name, "") for name in patterns if element.get(name)}
    return {name: value for name, value in found.items() if patterns[name].fullmatch(value)}
