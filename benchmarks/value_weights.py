"""What the weights of the value do to plays, abandonment and hours, by the hidden truth of simulated worlds.

Run: python benchmarks/value_weights.py FOLDER [MORE ...] [-- ACTION=WEIGHT[,...] ...]    (worlds with a bundle)

Viewers see the pages of the bundle as it is; at each of their requests every order is judged by what the viewer would
do with it on average, so that no chance of a day is in the differences. The towers' order is the yardstick.
Shapes: S sessions, K slots, G glances, I images, P orders.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit
from threadpoolctl import threadpool_limits

from benchmarks.closed_loop import interval
from ranking.value import ValueModel, ValueWeights
from serving.assembly import load_scorer
from serving.bundle import Bundle
from serving.recommender import Recommender
from serving.scorer import RankerCard, RankerScorer
from towers.query import Query
from training.simulator.appeal import image_appeal, utilities
from training.simulator.attention import GeometricWalk, glance_times
from training.simulator.bundle_policy import BundlePolicy
from training.simulator.closed_loop import LoopConfig, closed_loop
from training.simulator.log import Simulated
from training.simulator.policies import PERSONAL, Pages, Request, certain
from training.simulator.sessions import Sessions
from training.simulator.tally import ABANDONED_SHARE
from training.simulator.titles import NUM_IMAGES
from training.simulator.watching import CREDITS_SHARE, MOST_EPISODES, further_chance, share_law
from training.simulator.world import World

LOOP: Final = LoopConfig(days=7, num_viewers=400)
NUM_GLANCES: Final = 32
DEFAULTS: Final = (
    "watch=0,time=0,abandon=0",
    "watch=0,time=0,abandon=-0.5",
    "watch=0,time=0,abandon=-1",
    "watch=1,time=0,abandon=-1",
    "watch=0,time=1,abandon=-1",
    "watch=1,time=1,abandon=-1",
    "watch=1,time=1,abandon=-1.25",
)
"""Of which the last one is the default of training."""


class Prospect(NamedTuple):
    """Sums over the requests of what is expected of each order [P]."""

    plays: NDArray[np.float64]
    abandoned: NDArray[np.float64]
    hours: NDArray[np.float64]


class Panel(BundlePolicy):
    """The bundle's own pages, and beside them what other orders of the same candidates would have come to."""

    def __init__(self, recommender: Recommender, world: World, name: str, use_ranker: bool = True) -> None:
        super().__init__(recommender, world, name, use_ranker)
        self._world = world
        self._values: tuple[ValueModel, ...] = ()
        self.found = Prospect(*(np.zeros(1) for _ in Prospect._fields))

    def compare(self, scorer: RankerScorer, values: Sequence[ValueModel]) -> None:
        """From now on judge the towers' order and those of the values; viewers see the scorer's own."""
        self._scorer, self._values = scorer, (*values, scorer.value)
        self.found = Prospect(*(np.zeros(1 + len(values)) for _ in Prospect._fields))

    def pages(self, request: Request, num_slots: int) -> Pages:
        """As the bundle would fill them."""
        sessions = request.sessions
        orders = np.zeros((1 + len(self._values), len(sessions.viewer), num_slots), dtype=np.int64)
        for s in np.argsort(request.asked_ms, kind="stable").tolist():
            orders[:, s] = self._orders(self._query(sessions, s, int(request.asked_ms[s])), num_slots)
        sums = np.array([prospect(self._world, request, order) for order in orders[:-1]])
        self.found = Prospect(*(old + new for old, new in zip(self.found, sums.T, strict=True)))
        return certain(orders[-1], PERSONAL)

    def _orders(self, query: Query, num_slots: int) -> NDArray[np.int64]:
        """Titles [P, K] in the towers' order, then in that of each value."""
        asked, merged = self.recommender.gather(query, self._scorer.counts)
        logits = self._scorer.logits(asked, merged)
        keys = [-merged.ranks[:, 0].astype(np.float64), *(value.score(logits) for value in self._values)]
        best = [np.argsort(-key, kind="stable")[:num_slots] for key in keys]
        items = self.recommender.state.items
        return np.array([self._numbers(items.ids(merged.candidates.rows[order]), num_slots) for order in best])


def prospect(world: World, request: Request, items: NDArray[np.int64]) -> tuple[float, float, float]:
    """Plays, plays left early and hours that are to be expected of pages [S, K]."""
    sessions = request.sessions
    titles, utility = world.titles, np.take_along_axis(utilities(world, sessions), items, axis=1).astype(np.float64)
    odds = np.take_along_axis(request.odds, items, axis=1)
    images = [np.full(items.shape, image) for image in range(NUM_IMAGES)]
    chances = np.array([expit(odds + image_appeal(world, sessions, items, image)) for image in images])
    is_bait = np.array([titles.image_bait[items, image] for image in images])
    minutes = titles.minutes[items].astype(np.float64)
    left, hours = outcome(world, sessions, items, utility, minutes, is_bait)
    total = chances.sum(axis=0)
    played = reached(world, sessions, total / NUM_IMAGES)
    weigh = chances / total
    return float(played.sum()), float((played * weigh * left).sum()), float((played * weigh * hours).sum())


def outcome(
    world: World,
    sessions: Sessions,
    items: NDArray[np.int64],
    utility: NDArray[np.float64],
    minutes: NDArray[np.float64],
    is_bait: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chance that a play is left early, and expected hours of it with the episodes that follow, by image [I, S, K]."""
    watched, rest = share_law(utility, minutes, is_bait)
    left, stops = (betainc(watched, rest, share) for share in (ABANDONED_SHARE, CREDITS_SHARE))
    goes_on = further_chance(world.viewers.binge[sessions.viewer][:, None], utility)
    most = np.minimum(world.titles.num_episodes[items] - 1, MOST_EPISODES)
    further = goes_on * (1 - goes_on**most) / (1 - goes_on)
    return left, (watched / (watched + rest) + (1 - stops) * further) * minutes / 60


def reached(world: World, sessions: Sessions, chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance [S, K] that a slot is the one that is played, over fixed walks of the eye."""
    config = world.config
    uniform = np.random.default_rng(0).random((NUM_GLANCES, config.num_rows, config.num_columns))
    seen_s = glance_times(GeometricWalk().glances(uniform))
    found = np.zeros_like(chances)
    for seen in seen_s:
        now = chances * (seen <= sessions.patience_s[:, None])
        before = np.cumprod(1 - now, axis=1) / (1 - now)
        found += now * before / NUM_GLANCES
    return found


def judge(folder: Path, wishes: Sequence[str]) -> Prospect:
    """Of a world with a bundle: the towers' order first, then those of the wishes."""
    simulated, bundle = Simulated.load(folder), Bundle.load(folder / "bundle")
    panel = Panel.open(bundle, simulated.world, simulated.events, "panel")
    scorer = load_scorer(bundle, panel.recommender.state)
    if scorer is None:
        raise SystemExit(f"the bundle of {folder} has no ranker")
    card = RankerCard.load(bundle.folder)
    panel.compare(scorer, [ValueModel(weights_of(wish).of(tuple(card.weights)), card.calibration) for wish in wishes])
    with threadpool_limits(1, "blas"):
        closed_loop(simulated, lambda world, state, draws: panel, (1,), LOOP)
    return panel.found


def weights_of(wish: str) -> ValueWeights:
    """The defaults but for what the wish says."""
    named = (each.split("=") for each in wish.split(","))
    return ValueWeights(**{name: float(weight) for name, weight in named})


def gains(found: Prospect) -> NDArray[np.float64]:
    """Of each order behind the first [P - 1, 3]: plays and hours more than the first in percent, and the change of the
    abandoned share in points.
    """
    plays, hours = (100 * (each[1:] / each[0] - 1) for each in (found.plays, found.hours))
    share = 100 * found.abandoned / found.plays
    return np.stack([plays, hours, share[1:] - share[0]], axis=1)


def main(*words: str) -> None:
    """Print each world, then mean and interval over the worlds."""
    cut = words.index("--") if "--" in words else len(words)
    folders, wishes = [Path(word) for word in words[:cut]], words[cut + 1 :] or DEFAULTS
    by_world = []
    for folder in folders:
        by_world.append(gains(judge(folder, wishes)))
        for wish, (plays, hours, left) in zip(wishes, by_world[-1], strict=True):
            print(f"{folder.name} {wish:30} plays {plays:+.2f} % hours {hours:+.2f} % left {left:+.2f}", flush=True)
    for number, wish in enumerate(wishes):
        plays, hours, left = (interval(np.array([world[number, of] for world in by_world])) for of in range(3))
        print(f"all {wish:30} plays {plays} % hours {hours} % left {left}")


if __name__ == "__main__":
    main(*sys.argv[1:])
