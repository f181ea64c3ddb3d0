"""What happens within plays, by viewer and title: pauses, and episodes that followed by themselves.

Shapes: P pairs of viewer and title, L events of one viewer's history, U viewers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.schema import EventType

DETAILS: Final = (EventType.PAUSE, EventType.NEXT_EPISODE_AUTO)
"""In the order of the counts."""


class Details(NamedTuple):
    """How often each of `DETAILS` happened in the title of each history event; int64 [L]."""

    pauses: NDArray[np.int64]
    episodes: NDArray[np.int64]


class WatchDetails:
    """Counts of `DETAILS` for each viewer and title."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[int, list[int]]] = {}

    def note(self, user_id: str, row: int, event: EventType, times: int = 1) -> None:
        """It happened in a play of a title."""
        counts = self._counts.setdefault(user_id, {}).setdefault(row, [0] * len(DETAILS))
        counts[DETAILS.index(event)] += times

    def forget(self, user_id: str, row: int | None = None) -> None:
        """Nothing is known of the viewer any more, or of the viewer and one title."""
        if row is None:
            self._counts.pop(user_id, None)
        else:
            self._counts.get(user_id, {}).pop(row, None)

    def of(self, user_id: str | None, rows: NDArray[np.int64]) -> Details:
        """Of a viewer's titles [L]; what happened in all plays of a title stands at its newest one alone."""
        found = np.zeros((len(rows), len(DETAILS)), dtype=np.int64)
        counts = self._counts.get(user_id or "")
        if counts:
            newest = {row: place for place, row in enumerate(rows.tolist())}
            for row, place in newest.items():
                if row in counts:
                    found[place] = counts[row]
        return Details(*found.T)

    def state(self) -> NDArray[np.int64]:
        """An array [P, 4] that `restore` goes on from; viewers' names apart, see `viewers`."""
        pairs = [[n, row, *counts] for n, of in enumerate(self._counts.values()) for row, counts in of.items()]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2 + len(DETAILS))

    def viewers(self) -> NDArray[np.bytes_]:
        """Names of the viewers that the counts number."""
        names = [name.encode() for name in self._counts]
        return np.array(names, dtype=np.bytes_) if names else np.empty(0, dtype="S1")

    def restore(self, counts: NDArray[np.int64], viewers: Iterable[bytes]) -> None:
        """Go on from `state` and `viewers`."""
        names = [name.decode() for name in viewers]
        self._counts = {name: {} for name in names}
        for n, row, *happened in counts.tolist():
            self._counts[names[n]][row] = happened
