"""Keys and usage on disk: a SQLite file, or PostgreSQL where several machines share them.

Importing `huiyan.state.database` brings SQLAlchemy along (about 20 MiB); `records` and `secret` are light.
"""

from typing import Final

#: Below the state directory; looked for before SQLAlchemy is loaded.
FILE_NAME: Final = "huiyan.db"
