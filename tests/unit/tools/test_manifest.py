"""What a tool says of itself is believed only as far as it fits."""

from __future__ import annotations

import pytest

from huiyan.errors import ToolManifestError
from huiyan.tools import manifest
from huiyan.tools.icons import from_svg

WHOLE = """
name = "word-count"
icon = "text"
takes = ["pdf"]
network = true
command = ["word-count"]
title = { zh = "字数", en = "Word count" }
[limits]
memory_mib = 100
[tools.count]
title = { zh = "数", en = "Count" }
files = { document = "application/pdf" }
"""


def test_a_whole_one_is_read() -> None:
    read = manifest.read(WHOLE)
    assert read.title == manifest.Title(zh="字数", en="Word count")
    assert read.limits.memory_bytes == 100 * 1024 * 1024
    assert read.tools["count"].files == {"document": "application/pdf"}
    assert read.drawn().name == "text"


def test_an_empty_one_has_defaults() -> None:
    assert manifest.read("") == manifest.Manifest()
    assert manifest.read("").drawn().name == "tool"


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "name = '../up'",
        "name = 'Large'",
        "name = '-x'",
        "nmae = 'x'",
        "icon = 'nuke'",
        "takes = ['everything']",
        "limits = { memory_mib = 0 }",
        "limits = { memory = 1 }",
        "title = 'one language'",
        "title = { zh = 'x' }",
        "svg = '<svg/>'",
        "command = 'not a list'",
        "x = '" + "y" * 300_000 + "'",
    ],
)
def test_what_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(ToolManifestError):
        manifest.read(text)


def test_of_an_svg_only_its_shapes_are_left() -> None:
    icon = from_svg(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" onload="alert(1)" fill="none">'
        "<script>alert(1)</script><style>*{background:url(//evil)}</style>"
        '<g stroke="currentColor" style="x:y"><path d="M1 1h3" onclick="alert(1)" filter="url(#x)"/></g>'
        '<image href="http://evil/x.png"/><use href="#x"/><a href="javascript:alert(1)"><circle r="2"/></a>'
        '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>'
        '<circle cx="1" cy="2" r="url(x)" fill="url(http://evil)"/></svg>'
    )
    assert icon.view_box == "0 0 16 16"
    assert [(shape.tag, shape.attributes) for shape in icon.shapes] == [
        ("path", {"fill": "none", "stroke": "currentColor", "d": "M1 1h3"}),
        ("circle", {"fill": "none", "cx": "1", "cy": "2"}),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<p/>",
        "<svg>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg"><path d="&a;"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="url(#a)"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/>' + " " * 20_000 + "</svg>",
    ],
)
def test_what_is_no_icon_is_refused(text: str) -> None:
    with pytest.raises(ToolManifestError):
        from_svg(text)
