"""Offline replay of online serving: events flow into the server's state while queries are asked in time order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from serving.events import Event
from serving.state import LiveState
from towers.query import Query
from towers.schema import EventType
from training.data import FilesConfig, load
from training.data.times import UNIT_MS
from training.errors import UsageError

AT_ONCE = 10_000
"""Events decoded at a time."""


class Replay:
    """Feeds events, oldest first, to a state."""

    def __init__(self, events: Iterator[Event], state: LiveState) -> None:
        self._events = events
        self._state = state
        self._next = next(events, None)

    @classmethod
    def open(cls, path: str, ts_unit_ms: float, state: LiveState) -> Replay:
        """Replay of a file of events, read and checked as training reads its own; a UsageError when it is unusable."""
        unit = next(name for name, unit_ms in UNIT_MS.items() if unit_ms == ts_unit_ms)
        config = FilesConfig(events=path, timestamp_unit=unit, max_bad_share=1.0)
        try:
            with tempfile.TemporaryDirectory() as quarantine:
                events = load(config, Path(quarantine)).events
        except ValueError as error:
            raise UsageError(f"stream={path} cannot be replayed: {error}") from error
        return cls(in_time_order(events, state.columns), state)

    def until(self, ts_ms: int) -> None:
        """Record every event strictly earlier than `ts_ms`."""
        while self._next is not None and self._next.ts_ms < ts_ms:
            self._state.record(self._next)
            self._next = next(self._events, None)

    def before_each(self, queries: Iterator[tuple[int, Query]]) -> Iterator[tuple[int, Query]]:
        """The queries, each handed on once the state knows what came before it."""
        for query_id, query in queries:
            if query.ts_ms is None:
                raise ValueError(f"query {query_id} has no timestamp; a stream can only be replayed up to a time")
            self.until(query.ts_ms)
            yield query_id, query


def in_time_order(events: pd.DataFrame, context_columns: Sequence[str] = ()) -> Iterator[Event]:
    """Events of a canonical event table with their context, equal times in file order."""
    own = [name for name in Event._fields if name in events and name != "context"]
    context = [name for name in context_columns if name in events]
    events = events[list(dict.fromkeys([*own, "ts_ms", *context]))]
    events = events.iloc[np.argsort(events["ts_ms"].to_numpy(), kind="stable")]
    for start in range(0, len(events), AT_ONCE):
        for row in events.iloc[start : start + AT_ONCE].to_dict("records"):
            known = {str(name): value for name, value in row.items() if not pd.isna(value)}
            moment = {name: str(known[name]) for name in context if name in known}
            told = {name: known[name] for name in own if name in known}
            yield Event(**told | {"event": EventType(row["event"]), "context": moment})
