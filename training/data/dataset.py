"""A checked data set: the event table in time order, what is known of items and viewers, and a fingerprint of all.

Shapes: E events.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.checks import check
from towers.schema import CheckReport, CheckRules
from training.data.canonical import RawEvents
from training.data.quarantine import settle
from training.data.taken_back import without_taken_back
from training.data.times import FIRST_CLOCK_MS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Events sorted by `ts_ms`, equal times in file order; see `towers.schema` for the columns.

    `items` has `item_id` and what is known of title (str), genres and people (lists of str), text, year, maturity
    and release_ms; `users` has `user_id` and str columns. `has_clock` is False where times are mere positions.
    `ts_unit_ms` is the milliseconds in a unit of the numeric times read; strings and dates count as seconds.
    """

    events: pd.DataFrame
    items: pd.DataFrame | None
    users: pd.DataFrame | None
    fingerprint: str
    has_clock: bool
    ts_unit_ms: float
    report: CheckReport


def assemble(
    raw: RawEvents,
    items: pd.DataFrame | None,
    users: pd.DataFrame | None,
    rules: CheckRules,
    quarantine_folder: Path,
    now_ms: int,
) -> Dataset:
    """Check the events, put the bad ones into quarantine, sort what counts; a ValueError where too many are bad."""
    checked = check(raw.events, rules, now_ms=now_ms, catalogue=None if items is None else items["item_id"])
    report = settle(raw.original, checked, rules, quarantine_folder)
    events = without_taken_back(checked.kept.sort_values("ts_ms", kind="stable", ignore_index=True))
    has_clock = float(events["ts_ms"].iloc[-1]) >= FIRST_CLOCK_MS
    if not has_clock:
        logger.info("the times are below 1e8 seconds: they are read as positions, not as a clock")
    return Dataset(events, items, users, fingerprint([events, items, users]), has_clock, raw.ts_unit_ms, report)


def fingerprint(tables: Iterable[pd.DataFrame | None]) -> str:
    """SHA-256 over every value, its column's name and its row's place; column order and chunking do not matter."""
    digest = hashlib.sha256()
    for place, table in enumerate(tables):
        if table is None:
            continue
        for name in sorted(table.columns):
            digest.update(f"{place}/{name}\n".encode())
            digest.update(_row_hashes(table[name]).tobytes())
    return digest.hexdigest()


def _row_hashes(values: pd.Series) -> NDArray[np.uint64]:
    if values.dtype == object:
        values = pd.Series(["\x1f".join(value) for value in values], dtype="str")
    return pd.util.hash_pandas_object(values, index=False).to_numpy().astype(np.uint64)
