"""Tables of the store. One counter orders everything: `changes.seq` grows in the order of the commits.

Viewers appear in `changes` and `forgotten` only by their digest (`serving.store.digest`).
"""

from __future__ import annotations

from typing import Any, Final, get_type_hints

import sqlalchemy as sa

from serving.events import Event

METADATA: Final = sa.MetaData()

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

CHANGES: Final = sa.Table(
    "changes",
    METADATA,
    sa.Column("seq", _BIG, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
"""One row a transaction; key: digest of the viewer, or the item's id."""


def _event_column(name: str, hint: Any) -> sa.Column[Any]:
    kinds = {int: sa.BigInteger, float: sa.Double, bool: sa.Boolean}
    inner = next((kind for kind in kinds if kind in getattr(hint, "__args__", (hint,))), None)
    column_type = sa.JSON(none_as_null=True) if name == "context" else kinds.get(inner, sa.Text)  # type: ignore[arg-type]
    required = name in {"user_id", "item_id", "ts_ms", "event"}
    return sa.Column(name, column_type, primary_key=name == "event_id", nullable=not required)


EVENTS: Final = sa.Table(
    "events",
    METADATA,
    *(_event_column(name, hint) for name, hint in get_type_hints(Event).items()),
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Index("events_by_change", "change", "place"),
    sa.Index("events_by_user", "user_id"),
    sa.Index("events_by_time", "ts_ms"),
)
"""The fields of `Event`, when it was received, in which change and at which place of its batch."""

SETTINGS: Final = sa.Table(
    "settings",
    METADATA,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
"""What a viewer chose, as JSON by name."""

ITEMS: Final = sa.Table(
    "items",
    METADATA,
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
"""The newest state of every item put or deleted by hand; body is JSON, null for a deleted one."""

FORGOTTEN: Final = sa.Table(
    "forgotten",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
"""Viewers whose data was deleted: what bundles made before still hold of them is not used."""
