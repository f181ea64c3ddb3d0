"""Watch time freed of duration: its quantile among items of like duration, and back.

Zhan et al., Deconfounding duration bias in watch-time prediction for video recommendation (D2Q), 2022.
Shapes: E events, G duration groups.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NUM_GROUPS = 10


class DurationGroups(NamedTuple):
    """edges: float64 [G - 1] between groups of equally many events. watch_s: the sorted watch times of each group."""

    edges: NDArray[np.float64]
    watch_s: list[NDArray[np.float64]]

    def group(self, duration_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """Group [E] of each duration."""
        return np.searchsorted(self.edges, duration_s, side="right").astype(np.int64)

    def quantile(self, watch_s: NDArray[np.float64], duration_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share [E] of the group's events that were watched shorter, equal ones half."""
        found = np.full(len(watch_s), np.nan)
        for g, known in enumerate(self.watch_s):
            own = self.group(duration_s) == g
            below = np.searchsorted(known, watch_s[own], side="left")
            upto = np.searchsorted(known, watch_s[own], side="right")
            found[own] = (below + upto) / (2 * max(len(known), 1))
        return found

    def watch_time_s(self, quantile: NDArray[np.float64], duration_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """The watch time [E] at a quantile of its duration's group."""
        found = np.zeros(len(quantile))
        for g, known in enumerate(self.watch_s):
            own = self.group(duration_s) == g
            if len(known):
                found[own] = np.quantile(known, np.clip(quantile[own], 0, 1))
        return found


def fit_groups(
    watch_s: NDArray[np.float64], duration_s: NDArray[np.float64], num_groups: int = NUM_GROUPS
) -> DurationGroups:
    """Groups of equally many events, fewer where durations repeat."""
    edges = np.unique(np.quantile(duration_s, np.linspace(0, 1, num_groups + 1)[1:-1]))
    empty = DurationGroups(edges, [])
    group = empty.group(duration_s)
    return empty._replace(watch_s=[np.sort(watch_s[group == g]) for g in range(len(edges) + 1)])


def quantiles(watch_s: NDArray[np.float64], duration_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantile [E] of each watch time among events of like duration, NaN where either is unknown."""
    known = np.isfinite(watch_s) & np.isfinite(duration_s) & (duration_s > 0)
    found = np.full(len(watch_s), np.nan)
    if known.any():
        groups = fit_groups(watch_s[known], duration_s[known])
        found[known] = groups.quantile(watch_s[known], duration_s[known])
    return found
