"""What the server knows of each item besides its vector: titles to show, genres and maturity to filter by.

Shapes: R item rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.errors import RequestError
from serving.item_messages import ItemMessage
from towers.vocabulary import NUM_RESERVED


@dataclass(frozen=True)
class CatalogueFilter:
    """A part of the catalogue; an empty field restricts nothing.

    Items with any of `genres`, none of `exclude_genres`, and one of the `maturity` labels.
    """

    genres: tuple[str, ...] = ()
    exclude_genres: tuple[str, ...] = ()
    maturity: tuple[str, ...] = ()


EVERYTHING = CatalogueFilter()


class CatalogueTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`catalogue.json`: one entry a row [R], rows 0 and 1 included; '' and [] where nothing is known. `people` may be
    missing altogether.
    """

    titles: list[str]
    genres: list[list[str]]
    maturity: list[str]
    people: list[list[str]] = []

    def __post_init__(self) -> None:
        lengths = {len(self.titles), len(self.genres), len(self.maturity), len(self.people or self.titles)}
        if len(lengths) > 1:
            raise ValueError(f"catalogue columns of different lengths {sorted(lengths)}; give one entry a row in each")


class Catalogue:
    """Titles by row and rows by label."""

    def __init__(self, table: CatalogueTable) -> None:
        self._table = table
        self._genres = _rows_by_label(table.genres)
        self._maturity = _rows_by_label([[label] if label else [] for label in table.maturity])

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """Read `catalogue.json`."""
        return cls(msgspec.json.decode(path.read_bytes(), type=CatalogueTable))

    def save(self, path: Path) -> None:
        """Write `catalogue.json`."""
        path.write_bytes(msgspec.json.encode(self._table))

    def grown(self, num_rows: int, put: Mapping[int, ItemMessage]) -> Catalogue:
        """With rows up to `num_rows`, and what was put by hand in place of what was known; other rows are copied."""
        missing, table = num_rows - self.num_rows, self._table
        grown, people = copy(self), [*table.people, *[[]] * missing] if table.people else []
        grown._table = CatalogueTable(
            [*table.titles, *[""] * missing], [*table.genres, *[[]] * missing], [*table.maturity, *[""] * missing],
            people,
        )  # fmt: skip
        for row, item in put.items():
            grown._table.titles[row], grown._table.genres[row] = item.title, list(item.genres)
            grown._table.maturity[row] = item.maturity
            if people:
                people[row] = list(item.people)
        rows = np.array(sorted(put), dtype=np.int64)
        grown._genres = _relabelled(self._genres, rows, {row: item.genres for row, item in put.items()})
        labels = {row: [item.maturity] if item.maturity else [] for row, item in put.items()}
        grown._maturity = _relabelled(self._maturity, rows, labels)
        return grown

    @property
    def num_rows(self) -> int:
        """R."""
        return len(self._table.titles)

    @property
    def maturity_labels(self) -> list[str]:
        """Label of each row, '' where none is known."""
        return self._table.maturity

    @property
    def genre_labels(self) -> list[list[str]]:
        """Labels of each row."""
        return self._table.genres

    @property
    def rows_by_genre(self) -> Mapping[str, NDArray[np.int64]]:
        """Rows of each genre, ascending."""
        return self._genres

    @property
    def rows_by_maturity(self) -> Mapping[str, NDArray[np.int64]]:
        """Rows of each maturity label, ascending."""
        return self._maturity

    def titles(self, rows: NDArray[np.int64]) -> list[str]:
        """Title of each row, '' where none is known or the item came later."""
        titles = self._table.titles
        return [titles[row] if row < len(titles) else "" for row in rows.tolist()]

    def people(self, rows: NDArray[np.int64]) -> list[list[str]]:
        """Who made each row, [] where nobody is known or the item came later."""
        people = self._table.people
        return [people[row] if row < len(people) else [] for row in rows.tolist()]

    def rows(self, within: CatalogueFilter, other_labels: Collection[str] = ()) -> NDArray[np.int64]:
        """Rows of the items inside `within`, ascending; a RequestError names a label neither here nor in the others."""
        inside = np.zeros(self.num_rows, dtype=np.bool_)
        inside[NUM_RESERVED:] = True
        if within.genres:
            inside &= self._having(self._genres, "genres", within.genres, other_labels)
        if within.maturity:
            inside &= self._having(self._maturity, "maturity", within.maturity, other_labels)
        if within.exclude_genres:
            inside &= ~self._having(self._genres, "exclude_genres", within.exclude_genres, other_labels)
        return np.flatnonzero(inside).astype(np.int64)

    def _having(
        self, rows_of: Mapping[str, NDArray[np.int64]], field: str, labels: Sequence[str], others: Collection[str]
    ) -> NDArray[np.bool_]:
        having = np.zeros(self.num_rows, dtype=np.bool_)
        for label in labels:
            if label not in rows_of and label not in others:
                known = ", ".join(sorted(rows_of)[:30]) or "none at all"
                raise RequestError(f"filters.{field}", f"no item is labelled {label!r}; known labels are {known}")
            having[rows_of.get(label, _NO_ROWS)] = True
        return having


_NO_ROWS = np.empty(0, dtype=np.int64)


def _rows_by_label(labels: Sequence[Sequence[str]]) -> dict[str, NDArray[np.int64]]:
    rows: dict[str, list[int]] = {}
    for row, each in enumerate(labels):
        for label in each:
            rows.setdefault(label, []).append(row)
    return {label: np.array(members, dtype=np.int64) for label, members in rows.items()}


def _relabelled(
    members: Mapping[str, NDArray[np.int64]], rows: NDArray[np.int64], labels: Mapping[int, Sequence[str]]
) -> dict[str, NDArray[np.int64]]:
    """Members of each label [n] once the `rows`, ascending, have these labels and no others; none without members."""
    mine: dict[str, list[int]] = {}
    for row in rows.tolist():
        for label in dict.fromkeys(labels[row]):
            mine.setdefault(label, []).append(row)
    changed = dict(members)
    for label in {**members, **mine}:
        own = changed.get(label, np.empty(0, dtype=np.int64))
        at = np.searchsorted(own, rows)
        gone = at[np.append(own, -1)[at] == rows]
        if len(gone) or label in mine:
            own, new = np.delete(own, gone), np.array(mine.get(label, []), dtype=np.int64)
            changed[label] = np.insert(own, np.searchsorted(own, new), new)
    return {label: each for label, each in changed.items() if len(each)}
