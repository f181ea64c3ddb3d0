"""What follows what now: sequential rules that learn with every event and forget.

Shapes: L history, S successors of an item, K candidates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FORGOTTEN = 1e-200
"""Successors fainter than this are dropped: faded further they would come to nothing, and their shares to 0 / 0."""

MAX_EXPONENT = 500.0
"""exp of it is far inside the range of doubles; weights are moved on before they reach it."""


class Found(NamedTuple):
    """Successors of a history: item rows [S], repeated where several history items lead to them, and weights [S]."""

    rows: NDArray[np.int64]
    weights: NDArray[np.float64]


NOTHING = Found(np.empty(0, np.int64), np.empty(0))


class _Successors:
    """Growing arrays of one item's successors, and where each stands."""

    __slots__ = ("place", "rows", "total", "weights")

    def __init__(self) -> None:
        self.place: dict[int, int] = {}
        self.rows = np.empty(4, dtype=np.int64)
        self.weights = np.empty(4)
        self.total = 0.0

    def add(self, row: int, weight: float, at_most: int) -> None:
        place = self.place.get(row)
        self.total += weight
        if place is not None:
            self.weights[place] += weight
            return
        if len(self.place) >= 2 * at_most:
            self._thin(at_most)
        place = self.place[row] = len(self.place)
        if place == len(self.rows):
            self.rows, self.weights = np.resize(self.rows, 2 * place), np.resize(self.weights, 2 * place)
        self.rows[place], self.weights[place] = row, weight

    def found(self) -> Found:
        return Found(self.rows[: len(self.place)], self.weights[: len(self.place)])

    def _thin(self, at_most: int) -> None:
        """Keep the strongest, so that an item that leads everywhere stays small."""
        rows, weights = self.found()
        kept = np.sort(np.argsort(-weights, kind="stable")[:at_most])
        self.rows, self.weights = rows[kept], weights[kept]
        self.place = {int(row): place for place, row in enumerate(self.rows.tolist())}


class LiveTransitions:
    """Weights of pairs: an item counts 1 / d for the item d events before it, faded by `half_life_s`.

    `window` events before count, and only those within `max_gap_s`; of each item's successors the strongest
    `num_successors` to twice as many are kept.
    """

    def __init__(self, half_life_s: float, window: int, max_gap_s: float, num_successors: int = 300) -> None:
        self._rate = np.log(2) / half_life_s / 1000
        self._window = window
        self._max_gap_ms = max_gap_s * 1000
        self._num_successors = num_successors
        self._origin_ms = 0
        self._successors: dict[int, _Successors] = {}

    def add(self, before: NDArray[np.int64], before_ts_ms: NDArray[np.int64], row: int, ts_ms: int) -> None:
        """Count that `row` came after the rows `before`, oldest first."""
        if self._rate * (ts_ms - self._origin_ms) > MAX_EXPONENT / 10:
            self._move_on(ts_ms)
        weight = float(np.exp(self._rate * (ts_ms - self._origin_ms)))
        rows, times = before[-self._window :].tolist(), before_ts_ms[-self._window :].tolist()
        for distance, (source, source_ms) in enumerate(zip(reversed(rows), reversed(times), strict=True), start=1):
            if source != row and ts_ms - source_ms <= self._max_gap_ms:
                self._of(source).add(row, weight / distance, self._num_successors)

    def after(self, row: int) -> Found:
        """Shares of the successors of one item in all that followed it."""
        known = self._successors.get(row)
        if known is None or known.total < FORGOTTEN:
            return NOTHING
        rows, weights = known.found()
        return Found(rows, weights / known.total)

    def count_after(self, row: int, ts_ms: int) -> float:
        """Faded number of pairs that the item begins."""
        known = self._successors.get(row)
        return (
            0.0
            if known is None
            else float(known.total * np.exp(min(-self._rate * (ts_ms - self._origin_ms), MAX_EXPONENT)))
        )

    def after_all(self, history: NDArray[np.int64]) -> Found:
        """Successors of the newest history rows [L]; the one of age a (0 is the newest) counts 1 / (1 + a)."""
        parts = []
        for age, row in enumerate(history[-self._window :][::-1].tolist()):
            rows, shares = self.after(row)
            if len(rows):
                parts.append(Found(rows, shares / (1 + age)))
        if not parts:
            return NOTHING
        return Found(np.concatenate([part.rows for part in parts]), np.concatenate([part.weights for part in parts]))

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Arrays that `restore` goes on from."""
        sources = np.array(list(self._successors), dtype=np.float64)
        found = [self._successors[int(source)].found() for source in sources]
        lengths = np.array([len(each.rows) for each in found], dtype=np.float64)
        return {
            "origin_ms": np.array([self._origin_ms], dtype=np.float64),
            "sources": sources,
            "lengths": lengths,
            "totals": np.array([self._successors[int(source)].total for source in sources]),
            "rows": np.concatenate([np.empty(0), *(each.rows for each in found)]),
            "weights": np.concatenate([np.empty(0), *(each.weights for each in found)]),
        }

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from `state`."""
        self._origin_ms = int(state["origin_ms"][0])
        ends = np.cumsum(state["lengths"]).astype(np.int64)
        for n, source in enumerate(state["sources"].astype(np.int64).tolist()):
            part = slice(int(ends[n] - state["lengths"][n]), int(ends[n]))
            successors = self._of(source)
            successors.rows, successors.weights = state["rows"][part].astype(np.int64), state["weights"][part].copy()
            successors.place = {row: place for place, row in enumerate(successors.rows.tolist())}
            successors.total = float(state["totals"][n])

    def _of(self, row: int) -> _Successors:
        known = self._successors.get(row)
        if known is None:
            known = self._successors[row] = _Successors()
        return known

    def _move_on(self, ts_ms: int) -> None:
        fade = float(np.exp(-self._rate * (ts_ms - self._origin_ms)))
        for successors in self._successors.values():
            successors.weights *= fade
            successors.total *= fade
        self._successors = {row: each for row, each in self._successors.items() if each.total >= FORGOTTEN}
        self._origin_ms = ts_ms
