"""The journal of items put and deleted by hand: only the newest state of each counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from serving.store.database import Database
from serving.store.tables import ITEMS

KIND: Final = "item"


class JournalEntry(NamedTuple):
    """body: JSON, None for a deleted item."""

    item_id: str
    body: bytes | None
    at_ms: int


class ItemJournal:
    """Durable when `put` returns."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert

    def put(self, entry: JournalEntry) -> None:
        """Set an item's newest state."""
        row = entry._asdict()
        put = self._insert(ITEMS).values(**row).on_conflict_do_update(index_elements=[ITEMS.c.item_id], set_=row)
        with self._database.writing(KIND, entry.item_id) as (connection, _):
            connection.execute(put)

    def read(self, item_ids: Sequence[str] | None = None) -> list[JournalEntry]:
        """Newest states of the items, or of all in the order of their times."""
        wanted = sa.select(ITEMS.c.item_id, ITEMS.c.body, ITEMS.c.at_ms).order_by(ITEMS.c.at_ms, ITEMS.c.item_id)
        if item_ids is not None:
            wanted = wanted.where(ITEMS.c.item_id.in_(item_ids))
        with self._database.reading() as connection:
            return [JournalEntry(str(item_id), body, int(at_ms)) for item_id, body, at_ms in connection.execute(wanted)]
