"""`huiyan tools add` and what it leaves on the disk, with uv and without a network."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
import zipfile
from pathlib import Path

import pytest

from huiyan.cli.app import run
from huiyan.errors import ToolError, ToolInstallError, ToolNotFoundError
from huiyan.testing import mcp_server
from huiyan.tools import install, records
from huiyan.tools.catalogue import TextContent
from huiyan.tools.places import tools_directory
from huiyan.tools.plugin import Plugin
from huiyan.tools.sources import parse
from tests.support.ports import free_port
from tests.support.wait import eventually

HEAD = """\
# /// script
# dependencies = []
# [tool.huiyan]
# name = "{name}"
# version = "{version}"
# network = true
# title = {{ zh = "试", en = "Trial" }}
# ///
"""


@pytest.fixture(autouse=True)
def _no_settings_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process read its environment, and refuse HUIYAN_ names that are no settings."""
    for name in os.environ:
        if name.startswith("HUIYAN_"):
            monkeypatch.delenv(name)


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "UV_OFFLINE": "1"}


def server_text() -> str:
    return Path(mcp_server.__file__).read_text("utf-8")


def script(directory: Path, name: str = "trial", version: str = "1", body: str = "") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.py"
    body = body or server_text()
    path.write_text(HEAD.format(name=name, version=version) + body, "utf-8")
    return path


async def add(data_dir: Path, source: Path | str, **more: object) -> records.Installed:
    return await install.install(data_dir, parse(str(source)), environment=environment(), **more)  # type: ignore[arg-type]


def current(data_dir: Path, name: str = "trial") -> str:
    return str((tools_directory(data_dir) / name / "current").readlink())


async def test_a_script_is_installed_updated_and_removed(tmp_path: Path) -> None:
    source = script(tmp_path / "src")
    first = await add(tmp_path, source)
    assert first.record.name == "trial"
    assert [tool.name for tool in first.record.tools][:2] == ["echo", "look"]
    assert first.network is False
    assert (await add(tmp_path, source, allow_network=True)).network is True
    versions = [current(tmp_path)]
    for number in ("2", "3"):
        script(tmp_path / "src", version=number)
        assert (await add(tmp_path, source)).network is True, "the grant stays"
        versions.append(current(tmp_path))
    assert len(set(versions)) == 3
    records_left = (tools_directory(tmp_path) / "trial").glob("*/record.json")
    kept = {path.parent.name for path in records_left} - {"current"}
    assert kept == set(versions[1:]), "the current one and the one before"
    install.remove(tmp_path, "trial")
    assert [path.name for path in tools_directory(tmp_path).iterdir()] == [".lock"]
    with pytest.raises(ToolNotFoundError):
        install.remove(tmp_path, "trial")


@pytest.mark.parametrize(
    "body", ["raise SystemExit('it breaks here')", "print('no protocol')", "def broken(:"]
)
async def test_what_does_not_work_changes_nothing(tmp_path: Path, body: str) -> None:
    source = script(tmp_path / "src")
    await add(tmp_path, source)
    before = current(tmp_path)
    script(tmp_path / "src", version="2", body=body)
    with pytest.raises(ToolInstallError) as caught:
        await add(tmp_path, source)
    assert current(tmp_path) == before
    assert "ended with code" in caught.value.message
    if "breaks here" in body:
        assert "it breaks here" in caught.value.message
    broken = script(tmp_path / "src", name="other", body=body)
    with pytest.raises(ToolInstallError):
        await add(tmp_path, broken)
    assert not (tools_directory(tmp_path) / "other").exists()


def test_installing_runs_nothing_of_it_here(tmp_path: Path) -> None:
    """It runs in its own environment, in its jail; uv makes that from files."""
    tells = f"import sys\nopen({str(tmp_path / 'ran_in')!r}, 'w').write(sys.executable)\n"
    body = server_text().replace("import base64\n", f"import base64\n{tells}", 1)
    asyncio.run(add(tmp_path, script(tmp_path / "src", body=body)))
    ran_in = (tmp_path / "ran_in").read_text()
    assert ran_in != sys.executable
    assert "/env/bin/python" in ran_in


async def test_leftovers_of_a_killed_command_are_cleared(tmp_path: Path) -> None:
    tools = tools_directory(tmp_path)
    for left in (".new-abc", ".removed-abc"):
        (tools / left / "env").mkdir(parents=True)
    await add(tmp_path, script(tmp_path / "src"))
    assert sorted(path.name for path in tools.iterdir()) == [".lock", "trial"]


async def test_a_wheel_with_a_manifest_and_a_command(tmp_path: Path) -> None:
    wheel = tmp_path / "src" / "demo_tool-1.2-py3-none-any.whl"
    wheel.parent.mkdir()
    files = {
        "demo_tool/__init__.py": server_text() + "\n\ndef main() -> None:\n    Server(['echo']).run()\n",
        "demo_tool/huiyan-tool.toml": 'icon = "text"\ntitle = { zh = "演示", en = "Demo" }\n',
        "demo_tool-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo-tool\nVersion: 1.2\n",
        "demo_tool-1.2.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "demo_tool-1.2.dist-info/entry_points.txt": "[console_scripts]\ndemo-tool = demo_tool:main\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        record = "".join(f"{name},,\n" for name in files) + "demo_tool-1.2.dist-info/RECORD,,\n"
        archive.writestr("demo_tool-1.2.dist-info/RECORD", record)
    found = await add(tmp_path, wheel)
    assert found.record.name == "demo-tool"
    assert found.record.version.startswith("1.2-")
    assert found.record.manifest.icon == "text"
    assert found.record.tools[0].title.zh == "演示"
    assert found.record.command[0].endswith("/env/bin/demo-tool")


#: Builds without a package from anywhere: a wheel of one module, and what it needs as its test says.
BACKEND = """
import zipfile

FILES = {
    "locked_tool.py": SERVER + "\\n\\ndef main() -> None:\\n    Server(['echo']).run()\\n",
    "locked_tool-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: locked-tool\\nVersion: 1\\n" + NEEDS,
    "locked_tool-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "locked_tool-1.dist-info/entry_points.txt": "[console_scripts]\\nlocked-tool = locked_tool:main\\n",
}


def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "locked_tool-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as archive:
        for path, text in FILES.items():
            archive.writestr(path, text)
        record = "".join(f"{path},,\\n" for path in FILES)
        archive.writestr("locked_tool-1.dist-info/RECORD", record + "locked_tool-1.dist-info/RECORD,,\\n")
    return name
"""


def locked_directory(directory: Path, needs: str) -> Path:
    directory.mkdir()
    head = f"SERVER = {server_text()!r}\nNEEDS = {needs!r}\n"
    (directory / "backend.py").write_text(head + BACKEND, "utf-8")
    (directory / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (directory / "requirements.lock").write_text("# nothing, as it needs nothing\n")
    return directory


async def test_a_directory_with_a_lock_of_its_own_is_installed_from_that(tmp_path: Path) -> None:
    found = await add(tmp_path, locked_directory(tmp_path / "src", needs=""))
    version = tools_directory(tmp_path) / "locked-tool" / current(tmp_path, "locked-tool")
    assert (version / "requirements.lock").read_text() == "# nothing, as it needs nothing\n"
    assert [tool.name for tool in found.record.tools] == ["echo"]
    # Compiled once, as it cannot be kept later.
    assert list((version / "env" / "lib").glob("python*/site-packages/__pycache__/locked_tool.*.pyc"))


async def test_a_lock_that_lacks_something_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolInstallError, match="no-such-package"):
        await add(tmp_path, locked_directory(tmp_path / "src", "Requires-Dist: no-such-package>=2\n"))
    assert not (tools_directory(tmp_path) / "locked-tool").exists()


@pytest.mark.parametrize(
    "given", ["./nowhere", "/etc/passwd", "~/x.py", "http://", "-x", "--index-url=x", ""]
)
def test_what_is_no_source_is_refused(given: str) -> None:
    with pytest.raises(ToolInstallError):
        parse(given)


async def test_without_uv_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huiyan.tools.uv.sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ToolInstallError) as caught:
        await install.install(tmp_path, parse(str(script(tmp_path))), environment={"PATH": ""})
    assert "pip install uv" in caught.value.hint


def test_the_commands_speak_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    words = ["--data-dir", str(tmp_path), "--json"]
    source = script(tmp_path / "src")

    def said(*command: str) -> tuple[int, dict[str, object]]:
        code = run(["tools", *command, *words])
        return code, json.loads(capsys.readouterr().out)

    code, added = said("add", str(source))
    assert (code, added["name"]) == (0, "trial")
    assert added["network"] == {"asked": True, "granted": False}
    _, listed = said("list")
    assert [tool["name"] for tool in listed["tools"]] == ["trial"]  # type: ignore[attr-defined]
    code, updated = said("update", "trial", "--allow-network")
    assert updated["network"] == {"asked": True, "granted": True}
    assert said("logs", "trial") == (0, {"name": "trial", "lines": []})
    assert said("remove", "trial") == (0, {"removed": "trial"})
    code, refused = said("remove", "trial")
    assert code == 1
    assert refused["error"]["code"] == "tool_not_found"  # type: ignore[index]
    assert said("list") == (0, {"tools": []})


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_commands_speak_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "200")
    words = ["--data-dir", str(tmp_path), "--lang", lang]
    assert run(["tools", "list", *words]) == 0
    assert run(["tools", "add", str(script(tmp_path / "src")), *words]) == 0
    assert run(["tools", "list", *words]) == 0
    assert run(["tools", "logs", "trial", *words]) == 0
    assert run(["tools", "remove", "trial", *words]) == 0
    out = capsys.readouterr()
    assert "trial" in out.out
    assert ("已安装" if lang == "zh" else "is installed") in out.out
    assert ("联网" if lang == "zh" else "asks for the network") in out.err


def test_uv_is_here() -> None:
    """Without it the tests above would say nothing."""
    assert shutil.which("uv")


FAR = """
import sys
from mcp.server.mcpserver import MCPServer

server = MCPServer("far")


@server.tool()
def greet(name: str) -> str:
    return f"hello {name}"


server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
"""


async def test_a_server_elsewhere_is_a_tool_for_as_long_as_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "far.py").write_text(FAR)
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        str(tmp_path / "far.py"),
        str(port),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:

        async def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await eventually(listens, 60.0)
        found = await add(tmp_path, f"http://127.0.0.1:{port}/mcp", name="far")
        assert [tool.name for tool in found.record.tools] == ["greet"]
        plugin = Plugin(install.find(tmp_path, "far"), [])
        result = await plugin.call("greet", {"name": "x"}, {}, lambda _: None)
        assert result.content == [TextContent(text="hello x")]
    finally:
        server.kill()
        await server.wait()
    await plugin.close()
    with pytest.raises(ToolError):
        await plugin.call("greet", {"name": "x"}, {}, lambda _: None)
    await plugin.close()
