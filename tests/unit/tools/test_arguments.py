"""Arguments and files on their way to a tool, and results on their way back."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import mcp_types
import pytest

from huiyan.errors import ToolArgumentsError, ToolFailedError, ToolLimitError
from huiyan.tools.arguments import check, check_schema
from huiyan.tools.catalogue import FileArgument, FileContent, LinkContent, TextContent
from huiyan.tools.results import converted
from huiyan.tools.schema_files import GivenFile, file_arguments, hand_over

SCHEMA = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer", "maximum": 9}, "s": {"type": "string", "pattern": "^(a+)+$"}},
}


def test_what_fits_passes_and_patterns_are_the_tools_business() -> None:
    check({"n": 3, "s": "a" * 40 + "!"}, SCHEMA)


@pytest.mark.parametrize(
    ("arguments", "param"), [({}, None), ({"n": "3"}, "n"), ({"n": 10}, "n"), ({"n": 1, "s": 2}, "s")]
)
def test_what_does_not_fit_says_where(arguments: dict[str, Any], param: str | None) -> None:
    with pytest.raises(ToolArgumentsError) as caught:
        check(arguments, SCHEMA)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:1/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"type": "nonsense"},
        {"properties": {"n": {"$ref": "#/properties/n"}}},
    ],
)
def test_a_hostile_schema_is_the_tools_failure(schema: dict[str, Any]) -> None:
    with pytest.raises(ToolFailedError):
        check({"n": 1}, schema)


def test_a_schema_is_bounded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(2000):
        deep = {"properties": {"x": deep}}
    for schema in (deep, {"description": "x" * 200_000}):
        with pytest.raises(ToolFailedError):
            check_schema(schema)


def test_files_are_found_in_a_schema() -> None:
    schema = {
        "properties": {
            "pdf": {"type": "string", "format": "file-path", "contentMediaType": "application/pdf"},
            "maybe": {"anyOf": [{"type": "string", "format": "path"}, {"type": "null"}]},
            "data": {"type": "string", "contentEncoding": "base64"},
            "all": {"type": "array", "items": {"type": "string", "format": "file-path"}},
            "named": {"type": "string"},
            "text": {"type": "string"},
            "odd": True,
        }
    }
    assert file_arguments(schema, {"named": "image/*"}) == {
        "pdf": FileArgument(media_type="application/pdf"),
        "maybe": FileArgument(),
        "data": FileArgument(given_as="base64"),
        "all": FileArgument(many=True),
        "named": FileArgument(media_type="image/*"),
    }


def test_a_file_lies_under_a_name_of_ours(tmp_path: Path) -> None:
    given = GivenFile(name="../../../etc/cron.d/x.PDF", media_type="application/pdf", data=b"%PDF")
    found = hand_over({"n": 1}, {"pdf": [given]}, {"pdf": FileArgument()}, tmp_path / "call")
    path = Path(found["pdf"])
    assert path.parent == tmp_path / "call"
    assert path.suffix == ".pdf"
    assert path.read_bytes() == b"%PDF"


def test_a_path_from_a_client_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolArgumentsError):
        hand_over({"pdf": "/etc/passwd"}, {}, {"pdf": FileArgument()}, tmp_path)


def result(*content: Any, **more: Any) -> mcp_types.CallToolResult:
    return mcp_types.CallToolResult(content=list(content), **more)


def convert(answer: mcp_types.CallToolResult, directory: Path, max_bytes: int = 10_000) -> Any:
    return converted(answer, plugin="p", tool="t", duration_s=1.0, directory=directory, max_bytes=max_bytes)


def link(path: Path | str) -> mcp_types.ResourceLink:
    uri = path.as_uri() if isinstance(path, Path) else path
    return mcp_types.ResourceLink(name="n", uri=uri)


def test_links_bring_the_tools_own_files_and_no_others(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "out.csv").write_text("a,b")
    (tmp_path / "secret.txt").write_text("secret")
    (work / "sneaky.txt").symlink_to(tmp_path / "secret.txt")
    answer = result(
        link(work / "out.csv"),
        link(tmp_path / "secret.txt"),
        link(work / "sneaky.txt"),
        link(f"file://{work}/../secret.txt"),
        link("https://example.org/a"),
        link("javascript:alert(1)"),
    )
    content = convert(answer, work).content
    files = [item for item in content if isinstance(item, FileContent)]
    assert [base64.b64decode(file.data) for file in files] == [b"a,b"]
    assert [item.uri for item in content if isinstance(item, LinkContent)] == ["https://example.org/a"]
    assert not any("secret" in item.text for item in content if isinstance(item, TextContent))


def test_a_result_is_bounded(tmp_path: Path) -> None:
    text = mcp_types.TextContent(text="x" * 600)
    assert len(convert(result(text), tmp_path, 1000).content) == 1
    for answer in (result(text, text), result(structured_content={"x": "y" * 2000})):
        with pytest.raises(ToolLimitError):
            convert(answer, tmp_path, 1000)


def test_names_and_media_types_are_made_harmless(tmp_path: Path) -> None:
    picture = mcp_types.EmbeddedResource(
        resource=mcp_types.BlobResourceContents(
            uri="x://h/..%2f..%2fa%00b.png",
            blob=base64.b64encode(b"1").decode(),
            mime_type="Image/PNG\r\nX: y",
        )
    )
    (file,) = convert(result(picture), tmp_path).content
    assert "/" not in file.name
    assert "\x00" not in file.name
    assert file.media_type == "image/png"
