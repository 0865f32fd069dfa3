"""Wheels of this very package under other version numbers, made from the files that are being tested.

The test's own shortcut: such a wheel holds `huiyan_test_dependencies.pth`, which shows the new environment
the packages of the one that runs the tests. Its lock is empty, so that nothing is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import site
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import huiyan

_PACKAGE = Path(huiyan.__file__).parent
_STORED = (".gguf", ".gz", ".webp", ".png", ".woff2", ".wasm")


def make_wheel(directory: Path, version: str, *, edits: Mapping[str, tuple[str, str]] | None = None) -> Path:
    """edits: path in the package → (text that is there, text in its place)."""
    directory.mkdir(parents=True, exist_ok=True)
    wheel = directory / f"huiyan-{version}-py3-none-any.whl"
    info = f"huiyan-{version}.dist-info"
    changed = {**(edits or {}), "__init__.py": (f'"{huiyan.__version__}"', f'"{version}"')}
    record = []
    with zipfile.ZipFile(wheel, "w") as archive:

        def put(name: str, data: bytes) -> None:
            kind = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=kind, compresslevel=1)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}")

        for path in sorted(_PACKAGE.rglob("*")):
            name = path.relative_to(_PACKAGE).as_posix()
            if path.is_dir() or "__pycache__" in name or name.startswith(".static-stamp"):
                continue
            data = path.read_bytes()
            if name in changed:
                old, new = changed[name]
                assert old in data.decode(), f"{old!r} is not in {name}"
                data = data.decode().replace(old, new, 1).encode()
            put(f"huiyan/{name}", data)
        put("huiyan_test_dependencies.pth", _dependencies().encode())
        put(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: huiyan\nVersion: {version}\nRequires-Python: >=3.11\n".encode(),
        )
        put(
            f"{info}/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,", ""]))
    return wheel


def empty_lock(directory: Path) -> Path:
    lock = directory / "requirements.lock"
    lock.write_text("# everything is in the environment of the tests\n", "utf-8")
    return lock


def _dependencies() -> str:
    """Lines of a .pth file: behind the environment's own packages."""
    source = _PACKAGE.parent
    places = [path for path in sys.path if path.endswith("site-packages")] or site.getsitepackages()
    return "".join(f"{path}\n" for path in places if Path(path) != source or source.name == "site-packages")
