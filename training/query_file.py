"""Queries from a Parquet file, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from towers.checks import as_text
from towers.features import FeatureSpec
from towers.query import Query
from training.data.times import UNIT_MS, parse_times
from training.errors import UsageError

AT_ONCE = 1024
"""Queries decoded at a time."""


@dataclass(frozen=True, eq=False)
class QueryFile:
    """A Parquet file with query_id and, where there, user_id, history, history_timestamp and exclude (lists), timestamp
    and the context columns that the model knows.

    Numeric times are in the unit of the training data's `timestamp` column.
    """

    path: Path
    spec: FeatureSpec
    columns: tuple[str, ...]

    @classmethod
    def open(cls, path: Path, spec: FeatureSpec) -> QueryFile:
        """Look at the columns; a UsageError names a file that is not there, is no Parquet or lacks query_id."""
        if not path.is_file():
            raise UsageError(f"no file {path}; queries= names a Parquet file")
        try:
            present = pq.read_schema(path).names
        except pa.ArrowInvalid as error:
            raise UsageError(f"{path} is no Parquet file; queries= names one") from error
        if "query_id" not in present:
            raise UsageError(f"{path} has no column query_id; its columns are {', '.join(present)}")
        known = ("query_id", "user_id", "history", "history_timestamp", "timestamp", "exclude", *spec.columns)
        return cls(path, spec, tuple(name for name in known if name in present))

    @property
    def num_queries(self) -> int:
        """Rows of the file."""
        return int(pq.read_metadata(self.path).num_rows)

    def in_file_order(self) -> Iterator[tuple[int, Query]]:
        """Query ids and queries; a few at a time are in memory."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(AT_ONCE, columns=list(self.columns)):
                yield from self._queries(pa.Table.from_batches([batch]))

    def in_time_order(self) -> Iterator[tuple[int, Query]]:
        """The same sorted by time, equal times in file order; the undecoded table is in memory."""
        if "timestamp" not in self.columns:
            raise UsageError(f"{self.path} has no column timestamp; a stream can only be replayed up to a time")
        table = pq.read_table(self.path, columns=list(self.columns))
        order = np.argsort(self._times(table["timestamp"]), kind="stable")
        for start in range(0, len(order), AT_ONCE):
            yield from self._queries(table.take(order[start : start + AT_ONCE]))

    def _queries(self, table: pa.Table) -> Iterator[tuple[int, Query]]:
        query_ids = table["query_id"].to_pylist()
        users = self._column(table, "user_id", pa.string())
        histories, excludes = (self._column(table, name, pa.list_(pa.string())) for name in ("history", "exclude"))
        history_times = self._history_times(table)
        times = self._times(table["timestamp"]) if "timestamp" in self.columns else np.full(len(table), np.nan)
        contexts = self._contexts(table)
        for b, query_id in enumerate(query_ids):
            yield (
                query_id,
                Query(
                    user_id=users[b],
                    history=None if histories[b] is None else tuple(histories[b]),
                    history_ts_ms=None if histories[b] is None else history_times[b],
                    ts_ms=None if np.isnan(times[b]) else int(times[b]),
                    context=contexts[b],
                    exclude=tuple(excludes[b] or ()),
                ),
            )

    def _column(self, table: pa.Table, name: str, kind: pa.DataType) -> list[Any]:
        if name not in self.columns:
            return [None] * len(table)
        try:
            values: list[Any] = table[name].cast(kind).to_pylist()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise UsageError(f"{self.path}: column {name} is {table[name].type}; it should hold {kind}") from error
        return values

    def _history_times(self, table: pa.Table) -> list[tuple[int, ...] | None]:
        if "history_timestamp" not in self.columns:
            return [None] * len(table)
        column = table["history_timestamp"].combine_chunks()
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths)
        flat = self._times(column.flatten())
        if np.isnan(flat).any():
            raise UsageError(f"{self.path}: history_timestamp holds a time that cannot be read; give one time an item")
        whole: list[int] = flat.astype(np.int64).tolist()
        is_given = column.is_valid().to_pylist()
        spans = zip(is_given, (ends - lengths).tolist(), ends.tolist(), strict=True)
        return [tuple(whole[start:end]) if given else None for given, start, end in spans]

    def _times(self, values: pa.Array | pa.ChunkedArray) -> Any:
        """Milliseconds [E] float64, NaN where missing."""
        unit = next(name for name, unit_ms in UNIT_MS.items() if unit_ms == self.spec.ts_unit_ms)
        return parse_times(pd.Series(values.to_pandas(), name="timestamp"), unit).ts_ms

    def _contexts(self, table: pa.Table) -> list[dict[str, str]]:
        names = [name for name in self.spec.columns if name in self.columns]
        texts = [as_text(table[name].to_pandas()).tolist() for name in names]
        rows = zip(*texts, strict=True) if names else ((),) * len(table)
        return [{name: text for name, text in zip(names, row, strict=True) if isinstance(text, str)} for row in rows]
