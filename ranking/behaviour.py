"""How the viewer of a request watches, for the ranker: habits of the history so far, beside everybody's.

Shapes: R item rows, K candidates, L history, H habits, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ranking.habits import HABITS, Counts, Habits, Population, Spread, TitleForms, counts_of
from ranking.watch_details import Details
from ranking.watching import Watching
from towers.history import History

FILE: Final = "behaviour.npz"
HOUR_MS: Final = 3_600_000
USUAL_MINUTES: Final = 45.0
MOST: Final = 127
MOST_EVENTS: Final = 200
"""Newest events of a history that habits are counted of."""


@dataclass(frozen=True, eq=False)
class Behaviour:
    """What titles are like, and how everybody watches."""

    facts: TitleForms
    population: Population

    def habits(self, history: History, details: Details) -> Habits:
        """Habits of a viewer with these newest events and what happened within them; hours are those of the clock."""
        return self.population.habits_of(counted(history, details, self.facts))

    def longer(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Logarithm [K] of each title's length over that of an episode; 0 where it is unknown."""
        return np.nan_to_num(np.log(self._of(self.facts.minutes, rows, np.nan) / USUAL_MINUTES))

    def is_series(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Which titles [K] have episodes; a title that training did not know has none."""
        return self._of(self.facts.is_series.astype(np.float64), rows, 0.0)

    def save(self, path: Path) -> None:
        """Write one npz file."""
        spreads = (*self.population.habits, self.population.hours)
        arrays: dict[str, Any] = self.facts._asdict()
        arrays |= {"strengths": np.array([each.strength for each in spreads])}
        arrays |= {"habits": np.stack([each.mean for each in self.population.habits]), "hours": spreads[-1].mean}
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; a ValueError where the habits are others."""
        with np.load(path, allow_pickle=False) as parts:
            facts = TitleForms(*(parts[name] for name in TitleForms._fields))
            if len(parts["habits"]) != len(HABITS):
                raise ValueError(f"it knows {len(parts['habits'])} habits, this version {len(HABITS)}")
            strengths = parts["strengths"].tolist()
            habits = tuple(Spread(mean, strengths[h]) for h, mean in enumerate(parts["habits"]))
            hours = Spread(parts["hours"], strengths[-1])
        return cls(facts, Population(habits, hours, Spread(np.zeros(1), 0.0)))

    @staticmethod
    def _of(values: NDArray[np.float64], rows: NDArray[np.int64], unknown: float) -> NDArray[np.float64]:
        inside = rows < len(values)
        return np.where(inside, values[np.where(inside, rows, 0)], unknown)


def counted(history: History, details: Details, facts: TitleForms) -> Counts:
    """What the watched titles of a history say of each habit; of company and devices it says nothing."""
    is_watched = history.shares > 0
    seen = History._make(array[is_watched] for array in history)
    hours = (seen.ts_ms // HOUR_MS % 24).astype(np.int8)
    pauses, episodes = (np.minimum(counts[is_watched], MOST - 1).astype(np.int8) for counts in details)
    watching = Watching.plain(seen.rows, seen.ts_ms, seen.shares)
    watching = watching._replace(hours=hours, pauses=pauses, episodes=(1 + episodes).astype(np.int8))
    return counts_of(watching, facts, num_devices=1)
