"""Events in the store: a batch is taken whole or not at all, each `event_id` once, however often it is delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from serving.events import LASTING, ONBOARDING, Event
from serving.store.database import Database
from serving.store.tables import CHANGES, EVENTS
from towers.schema import EventType

KIND: Final = "events"
AT_ONCE: Final = 5000
"""Events read in one piece."""
KEPT_CHANGES: Final = 100_000
"""A reader that is further behind starts anew."""


class StoredBatch(NamedTuple):
    """Events of one change in the order of their batch."""

    seq: int
    events: list[Event]


class EventStore:
    """Appends events and reads them back in the order in which they were committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        insert = sqlite.insert if database.is_sqlite else postgresql.insert
        self._insert = insert(EVENTS).on_conflict_do_nothing(index_elements=[EVENTS.c.event_id])

    def append(self, events: Sequence[Event], received_ms: int) -> int:
        """Number of new ones; all are durable when it returns, and a StoreError says that none is known to be."""
        if not events:
            return 0
        with self._database.writing(KIND) as (connection, seq):
            rows = [
                event._asdict() | {"received_ms": received_ms, "change": seq, "place": place}
                for place, event in enumerate(events)
            ]
            connection.execute(self._insert, rows)
            added = sa.select(sa.func.count()).where(EVENTS.c.change == seq)
            return int(connection.execute(added).scalar_one())

    def after(self, seq: int, until: int) -> Iterator[StoredBatch]:
        """The changes in (seq, until] that brought events."""
        wanted = sa.select(*_COLUMNS, EVENTS.c.change).where(EVENTS.c.change > seq, EVENTS.c.change <= until)
        return self._read(wanted)

    def unlearned(self, trained_until_ms: int, created_ms: int, until: int) -> Iterator[StoredBatch]:
        """Events up to a change that a bundle cannot know: later than its data, or received after it was made."""
        unknown = sa.or_(EVENTS.c.ts_ms > trained_until_ms, EVENTS.c.received_ms > created_ms)
        return self._read(sa.select(*_COLUMNS, EVENTS.c.change).where(unknown, EVENTS.c.change <= until))

    def lasting(self, trained_until_ms: int, created_ms: int, shown_since_ms: int, until: int) -> Iterator[StoredBatch]:
        """Of the others, what viewers said once and for all, and the variants they were shown since a moment."""
        was_known = sa.and_(EVENTS.c.ts_ms <= trained_until_ms, EVENTS.c.received_ms <= created_ms)
        is_shown = sa.and_(EVENTS.c.variant_id.is_not(None), EVENTS.c.ts_ms >= shown_since_ms)
        is_lasting = sa.or_(EVENTS.c.event.in_(_LASTING), EVENTS.c.row_type == ONBOARDING, is_shown)
        return self._read(sa.select(*_COLUMNS, EVENTS.c.change).where(was_known, is_lasting, EVENTS.c.change <= until))

    def of(self, user_id: str) -> list[Event]:
        """All that is kept of a viewer, in the order of arrival."""
        mine = sa.select(*_COLUMNS, EVENTS.c.change).where(EVENTS.c.user_id == user_id)
        return [event for batch in self._read(mine) for event in batch.events]

    def prune(self, before_ms: int) -> int:
        """Delete events that happened before a moment; returns how many."""
        with self._database.writing("prune") as (connection, seq):
            gone = connection.execute(sa.delete(EVENTS).where(EVENTS.c.ts_ms < before_ms)).rowcount
            connection.execute(sa.delete(CHANGES).where(CHANGES.c.seq < seq - KEPT_CHANGES))
            return int(gone)

    def _read(self, wanted: sa.Select[Any]) -> Iterator[StoredBatch]:
        with self._database.reading() as connection:
            ordered = wanted.order_by(EVENTS.c.change, EVENTS.c.place).execution_options(yield_per=AT_ONCE)
            found = connection.execute(ordered)
            for seq, rows in groupby(found, key=lambda row: int(row[-1])):
                yield StoredBatch(seq, [_event(row) for row in rows])


_COLUMNS: Final = tuple(EVENTS.c[name] for name in Event._fields)
_LASTING: Final = sorted(str(event) for event in LASTING)
_TYPE_AT: Final = Event._fields.index("event")


def _event(row: Sequence[object]) -> Event:
    values = list(row[:-1])
    values[_TYPE_AT] = EventType(str(values[_TYPE_AT]))
    return Event._make(values)
