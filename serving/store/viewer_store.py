"""What is kept of a viewer besides events: chosen settings, and that the viewer asked to be forgotten."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from serving.store.database import Database
from serving.store.digest import digest
from serving.store.tables import EVENTS, FORGOTTEN, SETTINGS

SETTING: Final = "setting"
FORGET: Final = "forget"


class ViewerStore:
    """Settings are JSON by name; forgetting removes settings and events."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert

    def settings(self, user_id: str) -> dict[str, bytes]:
        """JSON of every setting of a viewer by name."""
        mine = sa.select(SETTINGS.c.name, SETTINGS.c.body).where(SETTINGS.c.user_id == user_id)
        with self._database.reading() as connection:
            return {str(name): bytes(body) for name, body in connection.execute(mine)}

    def put(self, user_id: str, name: str, body: bytes) -> None:
        """Set or replace one setting."""
        put = self._insert(SETTINGS).values(user_id=user_id, name=name, body=body)
        put = put.on_conflict_do_update(index_elements=[SETTINGS.c.user_id, SETTINGS.c.name], set_={"body": body})
        with self._database.writing(SETTING, digest(user_id)) as (connection, _):
            connection.execute(put)

    def delete(self, user_id: str, name: str) -> bool:
        """Whether there was such a setting."""
        mine = sa.delete(SETTINGS).where(SETTINGS.c.user_id == user_id, SETTINGS.c.name == name)
        with self._database.writing(SETTING, digest(user_id)) as (connection, _):
            return bool(connection.execute(mine).rowcount)

    def forget(self, user_id: str, at_ms: int) -> int:
        """Delete a viewer's events and settings, and hide what older bundles hold; returns the number of events."""
        key = digest(user_id)
        note = self._insert(FORGOTTEN).values(digest=key, at_ms=at_ms)
        note = note.on_conflict_do_update(index_elements=[FORGOTTEN.c.digest], set_={"at_ms": at_ms})
        with self._database.writing(FORGET, key) as (connection, _):
            gone = int(connection.execute(sa.delete(EVENTS).where(EVENTS.c.user_id == user_id)).rowcount)
            connection.execute(sa.delete(SETTINGS).where(SETTINGS.c.user_id == user_id))
            connection.execute(note)
        self._scrub()
        return gone

    def forgotten(self, since_ms: int) -> list[str]:
        """Digests of the viewers forgotten after a moment."""
        wanted = sa.select(FORGOTTEN.c.digest).where(FORGOTTEN.c.at_ms > since_ms)
        with self._database.reading() as connection:
            return [str(key) for (key,) in connection.execute(wanted)]

    def _scrub(self) -> None:
        """Old pages leave SQLite's write-ahead log as soon as no reader holds them."""
        if self._database.is_sqlite:
            with self._database.reading() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
