"""The tool in the guide is short, and works as it stands there."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from msgspec.structs import replace
from PIL import Image

from huiyan.tools import manifest
from huiyan.tools.catalogue import FileArgument, TextContent, ToolProgress
from huiyan.tools.plugin import Plugin, examined
from huiyan.tools.records import Grants, Installed, Record, Source
from huiyan.tools.schema_files import GivenFile
from huiyan.tools.sources import inline_metadata
from tests.support.tools import LIMITS

GUIDES = Path(__file__).parents[3] / "docs" / "guides"


def block(language: str) -> str:
    text = (GUIDES / "tool-authors.md").read_text("utf-8")
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_tool_of_the_guide_works(tmp_path: Path) -> None:
    source = block("python")
    assert len(source.splitlines()) < 40
    described = manifest.of(inline_metadata(source)["tool"]["huiyan"])
    assert described.title == manifest.Title(zh="主色", en="Main colours")
    script = tmp_path / "colours.py"
    script.write_text(source, "utf-8")
    record = Record(
        name="colours",
        version="1",
        source=Source(kind="script", given=str(script)),
        manifest=replace(described, limits=LIMITS),
        command=[sys.executable, str(script)],
    )
    installed = Installed(directory=tmp_path / "tool", record=record, grants=Grants())
    installed.directory.mkdir()
    record = await examined(installed, [])
    (tool,) = record.tools
    assert tool.title.zh == "主色"
    assert tool.safe
    assert tool.files == {"picture": FileArgument(media_type="image/*")}
    picture = io.BytesIO()
    Image.new("RGB", (30, 30), "#ff0000").save(picture, "PNG")
    plugin = Plugin(replace(installed, record=record), [])
    heard: list[ToolProgress] = []
    try:
        given = GivenFile(name="red.png", media_type="image/png", data=picture.getvalue())
        result = await plugin.call("colours", {"count": 2}, {"picture": [given]}, heard.append)
    finally:
        await plugin.close()
    assert not result.is_error, result
    (text,) = result.content
    assert isinstance(text, TextContent)
    assert "| #ff0000 | 100% |" in text.text
    assert [each.message for each in heard] == ["reading", "counting"]


def test_the_manifest_of_the_guide_has_every_limit_with_its_default() -> None:
    read = manifest.read(block("toml"))
    assert read.limits == manifest.ToolLimits()
    written = re.findall(
        r"^(\w+) = ", block("toml").partition("[limits]")[2].partition("[tools")[0], re.MULTILINE
    )
    assert set(written) == set(manifest.ToolLimits.__struct_fields__)
