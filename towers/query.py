"""Who asks, with which history and in which moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Query:
    """One request for items.

    `history` and `history_ts_ms` go oldest first and replace what the server knows of the viewer when given.
    `ts_ms` is the request's time (None: now, by the clock of whoever answers). `context` maps context columns to
    values; columns the model does not know are ignored. `exclude` lists ids that must not be answered.
    `is_bag` says that the order of the history means nothing.
    """

    user_id: str | None = None
    history: tuple[str, ...] | None = None
    history_ts_ms: tuple[int, ...] | None = None
    ts_ms: int | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    is_bag: bool = False
