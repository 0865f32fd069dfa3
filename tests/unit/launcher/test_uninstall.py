"""What is removed, what is left, and that a second run finishes what a first one began."""

from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.deploy.signed_text import signed
from huiyan.deploy.unit import NAME as UNIT_NAME
from huiyan.launcher import uninstall
from huiyan.settings.load import load


@pytest.fixture(autouse=True)
def no_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user's units would lie."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(uninstall, "SYSTEM_DIRECTORY", tmp_path / "system")
    return tmp_path / "config" / "systemd" / "user"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for name in ("versions/0.2.0-ab/bin", "state", "models/blobs", "run", "logs", "my own things"):
        (root / name).mkdir(parents=True)
    (root / "state" / "huiyan.db").write_bytes(b"x" * 5000)
    (root / "models" / "blobs" / "a").write_bytes(b"y" * 9000)
    (root / "notes.txt").write_text("mine", "utf-8")
    (root / "launcher.lock").touch()
    (root / "huiyan.toml").touch()
    return root


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


def test_program_goes_and_data_stays(data_dir: Path) -> None:
    done = uninstall.remove(load({"data_dir": data_dir}), data=False)
    assert names(data_dir) == {"state", "models", "logs", "huiyan.toml", "my own things", "notes.txt"}
    removed = {Path(piece.path).name for piece in done if piece.removed}
    assert removed == {"versions", "run", "launcher.lock"}


def test_everything_leaves_what_is_not_huiyans(data_dir: Path) -> None:
    before = uninstall.survey(load({"data_dir": data_dir}))
    assert next(each for each in before if each.path.endswith("models")).size_bytes >= 9000
    uninstall.remove(load({"data_dir": data_dir}), data=True)
    assert names(data_dir) == {"my own things", "notes.txt"}


def test_an_empty_directory_goes_too(data_dir: Path) -> None:
    (data_dir / "notes.txt").unlink()
    (data_dir / "my own things").rmdir()
    settings = load({"data_dir": data_dir})
    uninstall.remove(settings, data=True)
    assert not data_dir.exists()
    assert all(piece.kind == "installation" for piece in uninstall.remove(settings, data=True))


def test_links_go_and_what_they_lead_to_stays(data_dir: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (data_dir / "run").rmdir()
    (data_dir / "run").symlink_to(elsewhere)
    (data_dir / "versions" / "link").symlink_to(elsewhere)
    uninstall.remove(load({"data_dir": data_dir}), data=True)
    assert (elsewhere / "kept").exists()


def test_interrupted_and_run_again(data_dir: Path) -> None:
    settings = load({"data_dir": data_dir})

    def stop(piece: uninstall.Piece) -> None:
        if piece.path.endswith("versions"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        uninstall.remove(settings, data=True, on_piece=stop)
    assert (data_dir / "launcher.lock").exists(), "removed last"
    # As a kill leaves it in the middle of one directory.
    (data_dir / "versions").rename(data_dir / ".removing-versions")
    uninstall.remove(settings, data=True)
    assert names(data_dir) == {"my own things", "notes.txt"}


def test_a_unit_is_named_with_its_own_command(data_dir: Path, no_units: Path) -> None:
    no_units.mkdir(parents=True)
    unit = no_units / UNIT_NAME
    unit.write_text("[Unit]\n", "utf-8")
    settings = load({"data_dir": data_dir})
    assert all(piece.path != str(unit) for piece in uninstall.survey(settings)), "somebody else's"
    unit.write_text(signed("[Unit]\n", command="service install"), "utf-8")
    piece = next(each for each in uninstall.survey(settings) if each.path == str(unit))
    assert piece.remedy == "huiyan service uninstall --user"
    uninstall.remove(settings, data=True)
    assert unit.exists()


def test_a_store_elsewhere_is_named_and_left(data_dir: Path, tmp_path: Path) -> None:
    store = tmp_path / "shared models"
    store.mkdir()
    settings = load({"data_dir": data_dir, "models": {"store_dir": store}})
    piece = next(each for each in uninstall.survey(settings) if each.path == str(store))
    assert piece.kind == "foreign"
    assert piece.remedy
    uninstall.remove(settings, data=True)
    assert store.is_dir()
