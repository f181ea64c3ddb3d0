"""What was shown and not chosen: click-through of items, and how often a viewer passed one over.

Shapes: R item rows, K candidates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranking.velocity import Velocity

HALF_LIFE_S = 30 * 86_400.0
PRIOR_IMPRESSIONS = 20.0
"""An item shown this often is believed half: the rest is the mean of all items."""


class Exposure:
    """Faded impressions and choices of each item, and each viewer's impressions of an item since the last choice."""

    def __init__(self, num_rows: int, half_life_s: float = HALF_LIFE_S) -> None:
        self._impressions = Velocity(num_rows, (half_life_s,))
        self._choices = Velocity(num_rows, (half_life_s,))
        self._passed: dict[str, dict[int, int]] = {}

    def show(self, user_id: str, row: int, ts_ms: int) -> None:
        """An impression."""
        self._impressions.add(row, ts_ms)
        passed = self._passed.setdefault(user_id, {})
        passed[row] = passed.get(row, 0) + 1

    def choose(self, user_id: str, row: int, ts_ms: int) -> None:
        """A choice; what the viewer passed over before it is forgotten."""
        self._choices.add(row, ts_ms)
        passed = self._passed.get(user_id)
        if passed:
            passed.pop(row, None)

    def forget(self, user_id: str, row: int | None = None) -> None:
        """Nothing is known of the viewer any more, or of the viewer and one item."""
        if row is None:
            self._passed.pop(user_id, None)
        else:
            self._passed.get(user_id, {}).pop(row, None)

    def rates_of(self, rows: NDArray[np.int64], ts_ms: int) -> NDArray[np.float64]:
        """Choices an impression [K], drawn towards the mean of all; 0 where nothing was ever shown."""
        shown = float(self._impressions.totals(ts_ms)[0])
        if shown <= 0:
            return np.zeros(len(rows))
        mean = float(self._choices.totals(ts_ms)[0]) / shown
        impressions = self._impressions.counts_of(rows, ts_ms)[0]
        choices = self._choices.counts_of(rows, ts_ms)[0]
        return np.asarray((choices + PRIOR_IMPRESSIONS * mean) / (impressions + PRIOR_IMPRESSIONS))

    def passed_of(self, user_id: str | None, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """How often [K] the viewer was shown each item since last choosing it."""
        passed = self._passed.get(user_id or "")
        if not passed:
            return np.zeros(len(rows))
        return np.array([passed.get(row, 0) for row in rows.tolist()], dtype=np.float64)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Arrays that `restore` goes on from; viewers' names apart, see `viewers`."""
        pairs = [(n, row, count) for n, passed in enumerate(self._passed.values()) for row, count in passed.items()]
        arrays = {"passed": np.array(pairs, dtype=np.float64).reshape(-1, 3)}
        for name, velocity in (("impressions", self._impressions), ("choices", self._choices)):
            arrays |= {f"{name}.{key}": value for key, value in velocity.state().items()}
        return arrays

    def viewers(self) -> NDArray[np.bytes_]:
        """Names of the viewers that `passed` numbers."""
        names = [name.encode() for name in self._passed]
        return np.array(names, dtype=np.bytes_) if names else np.empty(0, dtype="S1")

    def restore(self, state: dict[str, NDArray[np.float64]], viewers: NDArray[np.bytes_]) -> None:
        """Go on from `state` and `viewers`."""
        for name, velocity in (("impressions", self._impressions), ("choices", self._choices)):
            own = f"{name}."
            velocity.restore({key.removeprefix(own): value for key, value in state.items() if key.startswith(own)})
        names = [name.decode() for name in viewers.tolist()]
        self._passed = {name: {} for name in names}
        for n, row, count in state["passed"].astype(np.int64).tolist():
            self._passed[names[n]][row] = count
