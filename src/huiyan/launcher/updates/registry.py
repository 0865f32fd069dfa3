"""Which components this installation has: those that releases can replace, and those that are only told."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from huiyan import __version__, nano
from huiyan.engines.environments import Environments
from huiyan.errors import HuiyanError
from huiyan.launcher import model_files
from huiyan.launcher.means import means
from huiyan.launcher.updates import adapter, tool, vision
from huiyan.launcher.updates.adapter import PromptAdapter
from huiyan.launcher.updates.component import Replaceable
from huiyan.launcher.updates.live import LiveSystem
from huiyan.launcher.updates.tool import ToolComponent
from huiyan.launcher.updates.vision import VisionEncoder
from huiyan.messages import Text
from huiyan.settings.environment import installer_environment
from huiyan.settings.model import Settings

_LLAMA_CPP: Final = "xllamacpp"


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A component that no release of a feed replaces here; note: why, and what does."""

    name: str
    kind: str
    version: str
    note: Text


class Registry:
    """Asked anew for each look and each update: what is served and installed changes."""

    def __init__(self, settings: Settings, live: LiveSystem | None = None) -> None:
        """live: None while nothing runs; then the model is the one that the next start would serve."""
        self._settings = settings
        self._live = live
        #: What others have added, by name: `huiyan` itself, for one.
        self._added: dict[str, Replaceable] = {}

    def add(self, component: Replaceable) -> None:
        """Another component; it takes the place of a fixed one of the same name."""
        self._added[component.name] = component

    @property
    def runs(self) -> bool:
        """Whether there is a running system that a new state is tried on."""
        return self._live is not None

    @property
    def data_dir(self) -> Path:
        return self._settings.data_dir

    def replaceable(self) -> Mapping[str, Replaceable]:
        """By name, in the order in which they are listed."""
        found: dict[str, Replaceable] = {}
        model_id = self._model_id()
        if model_id is not None:
            store_dir = self._settings.models.directory(self.data_dir)
            found[vision.NAME] = VisionEncoder(store_dir, model_id, host=self._live)
        found[adapter.NAME] = PromptAdapter(self.data_dir, host=self._live)
        for name in tool.installed(self.data_dir):
            found[tool.PREFIX + name] = self._tool(name)
        return {**self._added, **found}

    def find(self, name: str) -> Replaceable | None:
        """Also a tool that a feed would bring for the first time."""
        found = self.replaceable().get(name)
        if found is None and (new := tool.tool_of(name)) is not None:
            return self._tool(new)
        return found

    def fixed(self) -> list[Fixed]:
        """`huiyan` and `engine`, and what cannot be replaced as things are."""
        listed = [
            Fixed(name="huiyan", kind="huiyan", version=__version__, note=Text("update.note.huiyan", {})),
            Fixed(
                name="engine",
                kind="engine",
                version=self._engine_version(),
                note=Text("update.note.engine", {}),
            ),
        ]
        if self._model_id() is None:
            note = Text("update.note.not_in_store", {})
            listed.append(Fixed(name=vision.NAME, kind=vision.NAME, version="", note=note))
        return [each for each in listed if each.name not in self._added]

    def _tool(self, name: str) -> ToolComponent:
        return ToolComponent(self.data_dir, name, environment=installer_environment())

    def _model_id(self) -> str | None:
        """Of the model that is, or would be, served; None where it does not lie in the store."""
        if self._live is not None:
            return self._live.model_id()
        try:
            store_dir = self._settings.models.directory(self.data_dir)
            files = model_files.choose(self._settings.engine, store_dir, means(self._settings))
        except HuiyanError:
            return None
        if files.lock is not None:
            return files.lock.id
        return nano.STORE_ID if files.card.demo and isinstance(files, model_files.ModelFiles) else None

    def _engine_version(self) -> str:
        engine = None if self._live is None else self._live.engine_name
        if engine == "vllm" or (engine is None and self._settings.engine.engine == "vllm"):
            try:
                return f"vllm {Environments(self.data_dir).used().vllm}"
            except HuiyanError:
                return "vllm"
        try:
            return f"llama.cpp {importlib.metadata.version(_LLAMA_CPP)}"
        except importlib.metadata.PackageNotFoundError:
            return "llama.cpp"
