"""The database of keys and usage, as the settings name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from huiyan.cli.options import state_place

if TYPE_CHECKING:
    from huiyan.settings.model import Settings
    from huiyan.state.database import Database


def open_database(settings: Settings) -> Database:
    """Raises: StoreError, SettingsError."""
    from huiyan.state.database import Database

    state_dir, url = state_place(settings)
    return Database(state_dir, url=url)
