"""Keys and usage on disk: a SQLite file, or PostgreSQL where several machines share them."""

from typing import Final

#: Below the state directory.
FILE_NAME: Final = "huiyan.db"
