"""Any behaviour log, catalogue and table of viewers in Parquet, CSV, TSV or JSONL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from towers.checks import require_columns
from towers.schema import CheckRules
from training.data.canonical import EventOptions, RawEvents, canonical
from training.data.catalogue import items_table, users_table
from training.data.columns import EVENT_NAMES, recognise
from training.data.dataset import Dataset, assemble
from training.data.tables import read_table


@dataclass(frozen=True, kw_only=True)
class FilesConfig(CheckRules):
    """Paths of the tables, each a file or a folder of parts, and what their columns mean.

    `columns`, `item_columns` and `user_columns` map our names to the file's where they are not recognised.
    `timestamp_unit` is auto, s, ms, us or ns; `time_format` a strptime pattern for dates that are not ISO 8601.
    `event_types` maps the file's event types to ours; `default_event` is the type of all rows of a table without
    such a column (rating where there are ratings, play where there are watch times, else click). A rating of
    `liked_from` or more is a like; by default 80 % of the scale, so 4 of 5 stars.
    """

    events: str
    items: str | None = None
    users: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    item_columns: dict[str, str] = field(default_factory=dict)
    user_columns: dict[str, str] = field(default_factory=dict)
    timestamp_unit: str = "auto"
    time_format: str | None = None
    event_types: dict[str, str] = field(default_factory=dict)
    default_event: str | None = None
    liked_from: float | None = None


def read_files(config: FilesConfig, quarantine_folder: Path, now_ms: int) -> Dataset:
    """The checked data set; a ValueError names a path or column that is not there."""
    raw = read_events(read_table(config.events, "data.events"), config)
    items = _optional(config.items, "data.items")
    users = _optional(config.users, "data.users")
    return assemble(
        raw,
        None if items is None else items_table(items, config.item_columns),
        None if users is None else users_table(users, config.user_columns),
        config,
        quarantine_folder,
        now_ms,
    )


def read_events(original: pd.DataFrame, config: FilesConfig) -> RawEvents:
    """Canonical, unchecked event table of a table as read."""
    chosen: Mapping[str, str] = recognise(original.columns, EVENT_NAMES, config.columns, "columns")
    if missing := [name for name in ("user_id", "item_id", "timestamp") if name not in chosen]:
        require_columns(original.columns, missing)
    options = EventOptions(
        config.timestamp_unit, config.time_format, config.event_types, config.default_event, config.liked_from
    )
    return canonical(original, chosen, options)


def _optional(path: str | None, what: str) -> pd.DataFrame | None:
    return None if path is None else read_table(path, what)
