"""Tells cheaply whether anything was committed, by whichever process, since it was last asked."""

from __future__ import annotations

import sqlalchemy as sa

from serving.store.database import Database
from serving.store.tables import CHANGES

NEWEST = sa.select(sa.func.coalesce(sa.func.max(CHANGES.c.seq), 0))


class Bell:
    """For one thread at a time. SQLite answers from memory (about 2 us), PostgreSQL with one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sa.Connection | None = None
        self._heard = -1

    def has_rung(self) -> bool:
        """True at first; a StoreError when the database cannot tell."""
        try:
            with self._database.guarded():
                now = self._now()
        except BaseException:
            self.close()
            raise
        rung = now != self._heard
        self._heard = now
        return rung

    def close(self) -> None:
        """Give the connection back; the next question takes a new one and hears everything as new."""
        connection, self._connection, self._heard = self._connection, None, -1
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _now(self) -> int:
        if self._connection is None:
            self._connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not self._database.is_sqlite:
            return int(self._connection.execute(NEWEST).scalar_one())
        driver = self._connection.connection.driver_connection
        assert driver is not None
        return int(driver.execute("PRAGMA data_version").fetchone()[0])
