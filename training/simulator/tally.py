"""What a course of the service comes to.

Shapes: V viewers, N titles.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.simulator.world import World

ABANDONED_SHARE: Final = 0.15


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums by viewer [V], and plays from the page by title [N]; arrays change in place.

    `pages` are sessions that opened the page, `plays` and what follows are plays from it; `seconds` are all watching.
    `churn` sums the daily chances of leaving over the `days` of membership.
    """

    sessions: NDArray[np.float64]
    pages: NDArray[np.float64]
    glances: NDArray[np.float64]
    plays: NDArray[np.float64]
    share: NDArray[np.float64]
    abandoned: NDArray[np.float64]
    seconds: NDArray[np.float64]
    days: NDArray[np.float64]
    churn: NDArray[np.float64]
    title_plays: NDArray[np.float64]

    @classmethod
    def empty(cls, world: World) -> Tally:
        """Nothing happened yet."""
        viewers = len(world.viewers.rate)
        sizes = [viewers] * (len(fields(cls)) - 1) + [world.titles.num_titles]
        return cls(*(np.zeros(size) for size in sizes))

    def add_plays(self, viewer: NDArray[np.int64], items: NDArray[np.int64], share: NDArray[np.float64]) -> None:
        """Plays from the page; a viewer appears once."""
        self.plays[viewer] += 1
        self.share[viewer] += share
        self.abandoned[viewer] += share < ABANDONED_SHARE
        np.add.at(self.title_plays, items, 1)

    def metrics(self) -> dict[str, float]:
        """The figures by name; see `METRICS`."""
        sums = {field.name: float(getattr(self, field.name).sum()) for field in fields(self)}
        plays = max(sums["plays"], 1.0)
        return {
            "plays_per_session": sums["plays"] / max(sums["pages"], 1.0),
            "titles_examined": sums["glances"] / max(sums["pages"], 1.0),
            "watch_share": sums["share"] / plays,
            "abandonment": sums["abandoned"] / plays,
            "hours_per_viewer_month": sums["seconds"] / 3600 / max(sums["days"], 1.0) * 30,
            "effective_catalogue": effective_size(self.title_plays),
            "monthly_churn": 1 - float(np.exp(-30 * sums["churn"] / max(sums["days"], 1.0))),
        }


METRICS: Final = (
    "plays_per_session",
    "titles_examined",
    "watch_share",
    "abandonment",
    "hours_per_viewer_month",
    "effective_catalogue",
    "monthly_churn",
)
"""Names of the figures, in the order of the table."""


def effective_size(plays: NDArray[np.float64]) -> float:
    """Number of titles that, played equally often, would spread plays as widely: exp of the entropy."""
    share = plays[plays > 0] / max(plays.sum(), 1.0)
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 0.0
