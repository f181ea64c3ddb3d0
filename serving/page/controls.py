"""The viewer's own hand, turned into rows that may be shown; stored durably, enforced before retrieval and at exit.

Shapes: R item rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.catalogue import Catalogue
from serving.errors import RequestError
from serving.items import ItemTable
from serving.page.messages import Controls
from serving.page.titles import KIDS_AGE, STRONGEST, age_of, ages, ladder
from towers.vocabulary import NUM_RESERVED, UNKNOWN

NAME: Final = "controls"
"""Of the setting in the store."""


class Settings(Protocol):
    """Keeps what viewers set, by viewer and name, as JSON."""

    def get(self, user_id: str, name: str) -> bytes | None:
        """What was put; None where nothing was."""
        ...

    def put(self, user_id: str, name: str, body: bytes) -> None:
        """Keep from now on."""
        ...


class MemorySettings:
    """Settings that last as long as the process: for tests and for a server without a store."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def get(self, user_id: str, name: str) -> bytes | None:
        """What was put; None where nothing was."""
        return self._kept.get((user_id, name))

    def put(self, user_id: str, name: str, body: bytes) -> None:
        """Keep from now on."""
        self._kept[user_id, name] = body


def read_controls(settings: Settings, user_id: str | None) -> Controls:
    """The viewer's controls; those of a newcomer where none were set."""
    body = None if user_id is None else settings.get(user_id, NAME)
    return Controls() if body is None else msgspec.json.decode(body, type=Controls)


def write_controls(settings: Settings, user_id: str, controls: Controls) -> None:
    """Keep the controls."""
    settings.put(user_id, NAME, msgspec.json.encode(controls))


class Gate:
    """Which titles of a catalogue controls let through; one that came later must have a name."""

    def __init__(self, catalogue: Catalogue, items: ItemTable) -> None:
        self._items = items
        self._ages = ages(catalogue.maturity_labels)
        self._labels = ladder(catalogue.rows_by_maturity)
        self._genres = catalogue.rows_by_genre
        later = np.arange(items.num_base, catalogue.num_rows)
        self._everything = np.arange(catalogue.num_rows) >= NUM_RESERVED
        self._everything[later] = [bool(title) for title in catalogue.titles(later)]

    def grown(self, catalogue: Catalogue, changed: Sequence[int]) -> Gate:
        """Over a longer catalogue; apart from new rows, only the `changed` ones are other than before."""
        gate, more = copy(self), catalogue.num_rows - len(self._ages)
        gate._ages = np.append(self._ages, np.full(more, STRONGEST))
        gate._everything = np.append(self._everything, np.zeros(more, dtype=np.bool_))
        rows = np.array(changed, dtype=np.int64)
        gate._ages[rows] = ages([catalogue.maturity_labels[row] for row in changed])
        has_title = np.array([bool(title) for title in catalogue.titles(rows)], dtype=np.bool_)
        gate._everything[rows] = (rows < self._items.num_base) | has_title
        gate._labels, gate._genres = ladder(catalogue.rows_by_maturity), catalogue.rows_by_genre
        return gate

    @property
    def maturity_labels(self) -> list[str]:
        """From the mildest to the strongest."""
        return list(self._labels)

    @property
    def genres(self) -> list[str]:
        """In alphabetical order."""
        return sorted(self._genres)

    def check(self, controls: Controls) -> None:
        """A RequestError names a label that no title has."""
        if controls.maturity is not None and controls.maturity not in self._labels:
            known = ", ".join(self._labels) or "none at all"
            raise RequestError("maturity", f"no title is labelled {controls.maturity!r}; known labels are {known}")
        for genre in controls.blocked_genres:
            if genre not in self._genres:
                raise RequestError("blocked_genres", f"no title is labelled {genre!r}; known are {self.genres[:30]}")

    def allowed(self, controls: Controls) -> NDArray[np.bool_]:
        """Rows [R] that may be shown; titles without a maturity label pass only where no limit is set."""
        is_limited = controls.kids or controls.maturity is not None
        if not is_limited and not controls.blocked_items and not controls.blocked_genres:
            return self._everything
        passing = self._everything.copy()
        if controls.maturity is not None:
            passing &= self._ages <= age_of(controls.maturity)
        if controls.kids:
            passing &= self._ages <= KIDS_AGE
        for genre in controls.blocked_genres:
            passing[self._genres.get(genre, [])] = False
        passing[self.rows(controls.blocked_items)] = False
        return passing

    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Rows of the ids that are known."""
        rows: NDArray[np.int64] = self._items.rows(ids)
        return np.asarray(rows[(rows != UNKNOWN) & (rows < len(self._ages))])
