"""The database of keys and usage, as the settings name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huiyan.settings.model import Settings
    from huiyan.state.database import Database


def open_database(settings: Settings) -> Database:
    """Raises: StoreError, SettingsError."""
    from huiyan.gateway.access.options import AccessOptions
    from huiyan.state.database import Database

    access: AccessOptions = settings.gateway.access
    url = access.database_url
    state_dir = access.state_dir or settings.data_dir / "state"
    return Database(state_dir, url=None if url is None else url.get_secret_value())
