"""The administrator's key of a first start that others can reach."""

from __future__ import annotations

from huiyan.gateway.guard import is_loopback
from huiyan.messages import Text
from huiyan.settings.model import Settings


def first_key(settings: Settings) -> Text | None:
    """What to show once, or None: on loopback, with a secret file, or where a usable key exists.

    Blocks; loads the database's library. The sentence holds the key: for the terminal, never for a log.
    Raises: StoreError, SettingsError.
    """
    if is_loopback(settings.gateway.host):
        return None
    from huiyan.state.database import Database
    from huiyan.state.issue import adopt_key_file, first_admin_key

    access = settings.gateway.access
    url = access.database_url
    database = Database(
        access.state_dir or settings.data_dir / "state",
        url=None if url is None else url.get_secret_value(),
    )
    try:
        if access.admin_key_file is not None:
            adopt_key_file(database, access.admin_key_file)
            return None
        secret = first_admin_key(database)
    finally:
        database.close()
    return None if secret is None else Text("keys.first", {"secret": secret})
