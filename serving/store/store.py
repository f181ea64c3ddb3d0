"""The store as one thing: its parts, and the changes since a number."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from serving.store.bell import NEWEST, Bell
from serving.store.database import Database
from serving.store.event_store import EventStore
from serving.store.item_journal import ItemJournal
from serving.store.tables import CHANGES
from serving.store.viewer_store import ViewerStore


class Change(NamedTuple):
    """One transaction; see `serving.store.tables`."""

    seq: int
    kind: str
    key: str


class Store:
    """Events, viewers and items of one service, shared by its processes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.events = EventStore(database)
        self.viewers = ViewerStore(database)
        self.items = ItemJournal(database)

    @classmethod
    def open(cls, url: str) -> Store:
        """The store at an SQLAlchemy URL; a StoreError when it cannot be had."""
        return cls(Database.open(url))

    def bell(self) -> Bell:
        """A new bell; it has rung."""
        return Bell(self.database)

    def newest(self) -> int:
        """Number of the newest change; 0 in an empty store."""
        with self.database.reading() as connection:
            return int(connection.execute(NEWEST).scalar_one())

    def changes(self, after: int) -> list[Change]:
        """Changes later than a number, in order."""
        later = sa.select(CHANGES.c.seq, CHANGES.c.kind, CHANGES.c.key).where(CHANGES.c.seq > after)
        with self.database.reading() as connection:
            found = connection.execute(later.order_by(CHANGES.c.seq))
            return [Change(int(seq), str(kind), str(key)) for seq, kind, key in found]

    def close(self) -> None:
        """Close all connections."""
        self.database.close()
