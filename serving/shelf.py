"""What can be answered now: the bundle's catalogue and index, and over them the items put and deleted while serving.

One writer at a time; readers see the state before or after a change. Shapes: R item rows, n rows, D embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from index.overlay import OverlayIndex
from index.row_set import Allowed
from index.topk import TopK
from serving.bundle import Bundle
from serving.catalogue import EVERYTHING, CatalogueFilter
from serving.item_messages import ItemMessage
from serving.items import ItemTable
from serving.store.item_journal import JournalEntry

ALWAYS: Final = (0, 2**62)
NEVER: Final = (1, 0)

_DECODER = msgspec.json.Decoder(ItemMessage)


class Windows(NamedTuple):
    """rows: int64 [n] ascending, of the items that are not always there; each from `since_ms` until `until_ms`."""

    rows: NDArray[np.int64]
    since_ms: NDArray[np.int64]
    until_ms: NDArray[np.int64]

    @classmethod
    def of(cls, windows: dict[int, tuple[int, int]]) -> Windows:
        """Arrays of the windows by row."""
        narrow = sorted((row, *window) for row, window in windows.items() if window != ALWAYS)
        columns = np.array(narrow, dtype=np.int64).reshape(-1, 3).T
        return cls(*(np.ascontiguousarray(column) for column in columns))

    def closed(self, ts_ms: int) -> NDArray[np.int64]:
        """Rows that are not there at a moment, ascending."""
        return self.rows[(ts_ms < self.since_ms) | (ts_ms >= self.until_ms)]


class Shelf:
    """Index, labels and windows of all items."""

    def __init__(self, bundle: Bundle, items: ItemTable) -> None:
        self._items = items
        self._placement = bundle.placement
        self._catalogue = bundle.catalogue
        self._index = OverlayIndex.over(bundle.index)  # type: ignore[arg-type]
        self._labels: dict[int, ItemMessage] = {}
        self._put_ms: dict[int, int] = {}
        self._by_row: dict[int, tuple[int, int]] = {}
        self._windows = Windows.of({})

    def search(self, queries: NDArray[np.float32], k: int, allowed: Allowed | None = None) -> TopK:
        """The nearest items, those put since included; see `VectorIndex.search`."""
        return self._index.search(queries, k, allowed)

    def closed(self, ts_ms: int) -> NDArray[np.int64]:
        """Rows that must not be answered at a moment: deleted, or outside their window."""
        return self._windows.closed(ts_ms)

    def is_deleted(self, row: int) -> bool:
        """Whether the item was deleted by hand."""
        return self._by_row.get(row) == NEVER

    def titles(self, rows: NDArray[np.int64]) -> list[str]:
        """Title of each row, '' where none is known."""
        titles = self._catalogue.titles(rows)
        if self._labels:
            paired = zip(rows.tolist(), titles, strict=True)
            titles = [self._labels[row].title if row in self._labels else title for row, title in paired]
        return titles

    @property
    def labels(self) -> Mapping[int, ItemMessage]:
        """What was put by hand, by row; another object after every change."""
        return self._labels

    def put_ms(self, row: int) -> int:
        """When an item was put last."""
        return self._put_ms[row]

    def rows(self, within: CatalogueFilter) -> NDArray[np.int64]:
        """Rows inside `within`, ascending; a RequestError names a label that no item has."""
        labels = self._labels
        if within == EVERYTHING or not labels:
            return self._catalogue.rows(within)
        put = np.array(sorted(labels), dtype=np.int64)
        known = frozenset(label for each in labels.values() for label in (*each.genres, each.maturity))
        base = self._catalogue.rows(within, known)
        inside = [row for row in put.tolist() if _is_within(labels[row], within)]
        return np.union1d(np.setdiff1d(base, put, assume_unique=True), np.array(inside, dtype=np.int64))

    def put(self, entries: Sequence[JournalEntry]) -> None:
        """Take in the newest states of items; those the towers know keep their vector, others get one by content."""
        put = [entry for entry in entries if entry.body is not None]
        rows = {entry.item_id: self._items.ensure(entry.item_id) for entry in put}
        self._put_ms |= {rows[entry.item_id]: entry.at_ms for entry in put}
        self._place({rows[entry.item_id]: _DECODER.decode(entry.body or b"") for entry in put})
        for entry in entries:
            if entry.body is None and (row := self._items.row(entry.item_id)) is not None:
                self._by_row[row] = NEVER
        self._windows = Windows.of(self._by_row)

    def _place(self, messages: dict[int, ItemMessage]) -> None:
        new = [row for row in messages if row >= self._items.num_base]
        if new and self._placement is not None:
            tokens = self._placement.tokens([messages[row].content() for row in new])
            vectors = self._placement.vectors(tokens)
            placed = np.flatnonzero(np.any(vectors != 0, axis=1) & np.isfinite(vectors).all(axis=1))
            rows = np.array(new, dtype=np.int64)[placed]
            self._items.place(rows, tokens[placed], vectors[placed])
            self._index = self._index.put(rows, vectors[placed])
        self._labels = self._labels | messages
        self._by_row |= {row: _window(message) for row, message in messages.items()}


def _window(message: ItemMessage) -> tuple[int, int]:
    since, until = message.available_from_ms, message.available_until_ms
    return (ALWAYS[0] if since is None else since, ALWAYS[1] if until is None else until)


def _is_within(item: ItemMessage, within: CatalogueFilter) -> bool:
    genres = set(item.genres)
    return (
        (not within.genres or not genres.isdisjoint(within.genres))
        and genres.isdisjoint(within.exclude_genres)
        and (not within.maturity or item.maturity in within.maturity)
    )
