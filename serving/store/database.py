"""One database behind SQLAlchemy: SQLite in a file, or PostgreSQL by URL.

A commit is on disk when it returns: SQLite writes ahead with `synchronous=FULL`, PostgreSQL by its own default.
Writers take turns, so that the order of `changes.seq` is the order of the commits and a reader never misses one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from serving.store.tables import CHANGES, METADATA

WAIT_S: Final = 5.0
"""For another writer or an unreachable server."""
_WRITES: Final = "marquee_writes"
_MAKING: Final = 0x6D617271
"""PostgreSQL's locks by number: "marq"."""


class StoreError(RuntimeError):
    """The database cannot be used now; the message says which and why, without any data."""


class Writing(NamedTuple):
    """A transaction under way and its number."""

    connection: sa.Connection
    seq: int


class Database:
    """Connections for reading, and transactions for writing."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"

    @classmethod
    def open(cls, url: str) -> Database:
        """The database at a URL, its tables made where they are missing; a StoreError when it cannot be had."""
        try:
            database = cls(_engine(sa.make_url(url)))
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            raise StoreError(f"store {_shown(url)} cannot be used: {error}") from error
        database._make_tables()
        return database

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection whose every statement sees what is committed at its start."""
        with self.guarded(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, kind: str, key: str = "") -> Iterator[Writing]:
        """A transaction that ends as one change; committed when the block ends."""
        connecting = self.engine.execution_options(**{_WRITES: True})
        with self.guarded(), connecting.begin() as connection:
            if not self.is_sqlite:
                connection.execute(sa.text("LOCK TABLE changes IN EXCLUSIVE MODE"))
            added = sa.insert(CHANGES).values(kind=kind, key=key).returning(CHANGES.c.seq)
            yield Writing(connection, int(connection.execute(added).scalar_one()))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Whatever the database says inside is a StoreError."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
            raise StoreError(f"store {self.engine.url.render_as_string()}: {cause}") from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _make_tables(self) -> None:
        """One process at a time: to look whether a table is there and to make it are two steps."""
        connecting = self.engine.execution_options(**{_WRITES: True})
        with self.guarded(), connecting.begin() as connection:
            if not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
            METADATA.create_all(connection)


def _engine(url: sa.URL) -> sa.Engine:
    if url.drivername == "sqlite":
        engine = sa.create_engine(url, connect_args={"timeout": WAIT_S, "check_same_thread": False})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    arguments = {"connect_timeout": int(WAIT_S), "options": f"-c statement_timeout={int(WAIT_S * 1000)}"}
    return sa.create_engine(url, connect_args=arguments if url.drivername == "postgresql+psycopg" else {})


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Writers queue at the beginning; one that first reads and then writes could fail half way."""
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _shown(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string()
    except SQLAlchemyError:
        return repr(url.partition(":")[0])
