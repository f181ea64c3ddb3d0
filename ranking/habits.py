"""How viewers watch, as shares that are drawn towards what everybody does the fewer events there are.

A habit is `sum` out of `num` chances. With the mean m of all viewers and the strength k, a viewer's share is

    (sum + k m) / (num + k)

k comes from how much viewers differ beyond chance (method of moments of the beta-binomial): where all are alike, one
viewer's events say little. Shapes: W watched titles, H habits, R item rows, G genres, V viewers, C cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ranking.watching import Watching

HABITS: Final = ("continues", "binge", "next_episode", "short_form", "completion", "exploration", "pauses", "together")
SHORT_MINUTES: Final = 30
BINGE: Final = 3
MEMORY: Final = 20
FEW: Final = 3
FINISHED: Final = 10
"""Bucket of the watched share from which nothing is left but the credits."""

LEAST_STRENGTH, MOST_STRENGTH = 1.0, 200.0

Numbers = NDArray[np.float64]


class TitleForms(NamedTuple):
    """minutes: float64 [R], NaN where unknown. is_series: bool [R]. genres: bool [R, G]."""

    minutes: NDArray[np.float64]
    is_series: NDArray[np.bool_]
    genres: NDArray[np.bool_]


class Counts(NamedTuple):
    """num, sum: [H], chances and what came of them. hours: [24]. devices: [D]."""

    num: Numbers
    sum: Numbers
    hours: Numbers
    devices: Numbers


def counts_of(watching: Watching, facts: TitleForms, num_devices: int) -> Counts:
    """What the titles watched say of each habit."""
    seen = watching.take(watching.rows < len(facts.minutes))
    of_series = (_binge(seen, facts), _next_episode(seen, facts))
    of_titles = (_short(seen, facts), _completion(seen), _exploration(seen, facts))
    found = (_continues(seen), *of_series, *of_titles, _mean_of(seen.pauses), _mean_of(seen.company))
    num, total = zip(*found, strict=True)
    hours = np.bincount(seen.hours[seen.hours >= 0], minlength=24).astype(np.float64)
    devices = np.bincount(seen.devices[seen.devices >= 0], minlength=num_devices).astype(np.float64)
    return Counts(np.array(num, dtype=np.float64), np.array(total, dtype=np.float64), hours, devices[:num_devices])


@dataclass(frozen=True, eq=False)
class Spread:
    """What viewers do on average, by cell [C] adding up to 1, and how many events that average weighs; 0 and 0 when
    nothing is known.
    """

    mean: Numbers
    strength: float

    @classmethod
    def of(cls, counts: Numbers) -> Self:
        """Of viewers with these counts [V, C]; those with fewer than `FEW` say nothing of how viewers differ."""
        total = counts.sum(axis=1)
        if not total.any():
            return cls(np.zeros(counts.shape[1]), 0.0)
        mean = counts.sum(axis=0) / max(float(total.sum()), 1e-9)
        heard = counts[total >= FEW]
        num = heard.sum(axis=1)
        if len(num) < 2:
            return cls(mean, MOST_STRENGTH if len(num) else LEAST_STRENGTH)
        chance = float((mean * (1 - mean)).sum())
        seen = float((((heard / num[:, None]) - mean) ** 2).sum(axis=1).mean())
        by_chance = chance * float((1 / num).mean())
        between = (seen - by_chance) / max(1 - float((1 / num).mean()), 1e-9)
        strength = chance / between - 1 if between > 0 else MOST_STRENGTH
        return cls(mean, float(np.clip(strength, LEAST_STRENGTH, MOST_STRENGTH)))

    def drawn(self, counts: Numbers) -> Numbers:
        """Shares [C] of somebody with these counts [C]."""
        shares: Numbers = (counts + self.strength * self.mean) / max(float(counts.sum()) + self.strength, 1e-9)
        return shares

    @property
    def width(self) -> Numbers:
        """Standard deviation [C] between viewers."""
        return np.sqrt(self.mean * (1 - self.mean) / (1 + self.strength))


class Habits(NamedTuple):
    """One viewer's share and its distance from everybody's in standard deviations, [H]; num: [H] chances behind it.

    hours: [24] and devices: [D], shares. NaN where not even everybody's is known.
    """

    share: Numbers
    lean: Numbers
    num: Numbers
    hours: Numbers
    devices: Numbers

    def share_of(self, habit: str) -> float:
        """Share of one habit."""
        return float(self.share[HABITS.index(habit)])

    def lean_of(self, habit: str) -> float:
        """Distance of one habit from everybody's, 0 where nothing is known."""
        return float(np.nan_to_num(self.lean[HABITS.index(habit)]))

    def num_of(self, habit: str) -> int:
        """Chances behind one habit."""
        return int(self.num[HABITS.index(habit)])


@dataclass(frozen=True, eq=False)
class Population:
    """How everybody watches."""

    habits: tuple[Spread, ...]
    hours: Spread
    devices: Spread

    @classmethod
    def of(cls, everybody: Sequence[Counts]) -> Self:
        """From the counts of viewers, at least one."""
        num, total = np.stack([each.num for each in everybody]), np.stack([each.sum for each in everybody])
        habits = tuple(Spread.of(np.stack([total[:, h], num[:, h] - total[:, h]], axis=1)) for h in range(len(HABITS)))
        hours, devices = np.stack([each.hours for each in everybody]), np.stack([each.devices for each in everybody])
        return cls(habits, Spread.of(hours), Spread.of(devices))

    def habits_of(self, counts: Counts) -> Habits:
        """One viewer's habits."""
        share, lean = np.full(len(HABITS), np.nan), np.full(len(HABITS), np.nan)
        for h, spread in enumerate(self.habits):
            if spread.strength or counts.num[h]:
                share[h] = spread.drawn(np.array([counts.sum[h], counts.num[h] - counts.sum[h]]))[0]
            if spread.strength:
                lean[h] = (share[h] - spread.mean[0]) / max(float(spread.width[0]), 1e-3)
        return Habits(share, lean, counts.num, self.hours.drawn(counts.hours), self.devices.drawn(counts.devices))


def _continues(seen: Watching) -> tuple[float, float]:
    """Sittings behind the first, and those that began with a title of an earlier one."""
    starts = np.flatnonzero(np.diff(seen.sittings, prepend=-1) > 0)[1:]
    again = [seen.rows[start] in seen.rows[:start] for start in starts.tolist()]
    return float(len(again)), float(sum(again))


def _binge(seen: Watching, facts: TitleForms) -> tuple[float, float]:
    """Sittings with a series, and those with three or more episodes."""
    is_series = facts.is_series[seen.rows]
    if not is_series.any():
        return 0, 0
    episodes = np.bincount(seen.sittings, seen.episodes * is_series)
    return float((episodes > 0).sum()), float((episodes >= BINGE).sum())


def _next_episode(seen: Watching, facts: TitleForms) -> tuple[float, float]:
    """Episodes watched to their end, and those after which the next one was watched."""
    is_series = facts.is_series[seen.rows]
    further = float((seen.episodes[is_series] - 1).sum())
    stopped = float((seen.shares[is_series] >= FINISHED).sum())
    return further + stopped, further


def _short(seen: Watching, facts: TitleForms) -> tuple[float, float]:
    minutes = facts.minutes[seen.rows]
    return float(np.isfinite(minutes).sum()), float((minutes <= SHORT_MINUTES).sum())


def _completion(seen: Watching) -> tuple[float, float]:
    """Plays, and the sum of the shares watched of them."""
    known = seen.shares[seen.shares > 0]
    return float(len(known)), float(np.clip((known - 0.5) / 10, 0, 1).sum())


def _exploration(seen: Watching, facts: TitleForms) -> tuple[float, float]:
    """Titles behind the first few, and those without a genre of the 20 before."""
    genres = facts.genres[seen.rows]
    genres = genres[genres.any(axis=1)].astype(np.int64)
    if len(genres) <= FEW:
        return 0, 0
    before = np.concatenate([np.zeros((1, genres.shape[1]), np.int64), genres.cumsum(axis=0)])
    place = np.arange(FEW, len(genres))
    of_late = before[place] - before[np.maximum(place - MEMORY, 0)]
    return float(len(place)), float(((genres[place] * of_late).sum(axis=1) == 0).sum())


def _mean_of(values: NDArray[np.int8]) -> tuple[float, float]:
    """Known values, and how many are more than none."""
    known = values[values >= 0]
    return float(len(known)), float((known > 0).sum())
