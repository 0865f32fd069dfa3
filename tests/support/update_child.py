"""The process that the kill test of updates kills: `python -m tests.support.update_child DIRECTORY POINT`.

It takes a component from "state 1" to "state 2" the way huiyan does, with a journal, on real files; what runs
is stood for by nothing, since it dies with the process.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from huiyan.updates.component_dirs import ComponentDirs, state_digest
from huiyan.updates.feed import Component, FeedFile
from huiyan.updates.journal import Journal
from huiyan.updates.transaction import recover, replace
from tests.support.mortal import die_at


def content(version: int) -> dict[str, bytes]:
    return {
        "adapter.json": b'{"id": "shop", "version": "%d"}' % version,
        "chat_template.jinja": b"{{ messages }} %d" % version * 50,
        "golden/one.json": b"[%d]" % version,
    }


def component(version: int) -> Component:
    files = tuple(
        FeedFile(
            path=path,
            url=f"{version}/{path}",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for path, data in content(version).items()
    )
    return Component(name="prompt-adapter", kind="prompt-adapter", version=str(version), files=files)


def fetch(file: FeedFile) -> Iterable[bytes]:
    version, _, path = file.url.partition("/")
    data = content(int(version))[path]
    yield data[:7]
    yield data[7:]


class FilesTarget:
    """What `huiyan update` replaces, without a running system. fails: prove says no."""

    name = "prompt-adapter"
    kind = "prompt-adapter"

    def __init__(self, directory: Path) -> None:
        self.dirs = ComponentDirs(directory / "components", self.name)
        self.journal = Journal(directory / "updates" / "journal.jsonl")

    def active(self) -> str:
        return self.dirs.active()

    def select(self, state: str) -> None:
        self.dirs.select(state)

    async def apply(self, state: str) -> None:
        pass

    async def prove(self, state: str) -> None:
        pass

    def recover(self) -> None:
        recover(self.journal, {self.name: self})

    def update(self, version: int) -> None:
        class Staging:
            async def stage(_self) -> str:  # noqa: N805
                return self.dirs.stage(component(version), fetch)

        asyncio.run(replace(self.journal, self, Staging(), version=str(version)))
        self.dirs.keep([state_digest(component(version - 1).files)])


def main() -> None:
    target = FilesTarget(Path(sys.argv[1]))
    seen = die_at(int(sys.argv[2]))
    target.recover()
    target.update(2)
    sys.stdout.write(str(seen()))


if __name__ == "__main__":
    main()
