"""Viewers of a written world live on after their log, page by page, under a policy.

Shapes: V viewers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from serving.bundle import Bundle
from training.errors import UsageError
from training.simulator.artwork import Artwork
from training.simulator.attention import kernel
from training.simulator.bundle_policy import BundlePolicy
from training.simulator.draws import Draws
from training.simulator.log import Simulated
from training.simulator.policies import HousePolicy, OraclePolicy, Policy, PopularityPolicy, RandomPolicy
from training.simulator.service import Service
from training.simulator.state import State
from training.simulator.tally import METRICS, Tally

PolicyMaker = Callable[[Simulated, State, Draws], Policy]

NUM_RESAMPLES: Final = 200
PER_VIEWER: Final = tuple(field.name for field in fields(Tally) if field.name != "title_plays")


@dataclass(frozen=True)
class LoopConfig:
    """`num_viewers` (whole households) live on for `days`; None: everybody. `kernel` is how they look at pages."""

    days: int = 7
    num_viewers: int | None = 400
    kernel: str = "geometric"
    artwork: Artwork = Artwork.RANDOM


class Interval(NamedTuple):
    """A mean and half the width of its 95 % interval; NaN where there is none."""

    mean: float
    half: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one policy came to under one kernel; one tally a seed."""

    policy: str
    kernel: str
    tallies: tuple[Tally, ...]

    def metrics(self) -> dict[str, float]:
        """Means over the seeds; see `tally.METRICS`."""
        values = [tally.metrics() for tally in self.tallies]
        return {name: float(np.mean([value[name] for value in values])) for name in METRICS}

    def interval(self, metric: str) -> Interval:
        """Student's interval over the seeds; of a single seed, one over resampled viewers."""
        values = np.array([tally.metrics()[metric] for tally in self.tallies])
        if len(values) > 1:
            half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
            return Interval(float(values.mean()), float(half))
        if metric == "effective_catalogue":
            return Interval(float(values[0]), float("nan"))
        drawn = [resampled.metrics()[metric] for resampled in _resamples(self.tallies[0])]
        return Interval(float(values[0]), float(1.96 * np.std(drawn)))


def closed_loop(
    simulated: Simulated, policy: str | PolicyMaker, seeds: Sequence[int] = (1,), config: LoopConfig | None = None
) -> Outcome:
    """The same viewers, chances and start for every policy; a seed is another course of their lives.

    `policy` is random, popularity, house or oracle, or makes a policy, as `bundle_policy` does.
    """
    config = config or LoopConfig()
    maker = yardstick(policy) if isinstance(policy, str) else policy
    who = households(simulated, config.num_viewers)
    tallies, name = [], ""
    for seed in seeds:
        state, draws, tally = simulated.state.copy(), simulated.world.draws(seed), Tally.empty(simulated.world)
        made = maker(simulated, state, draws)
        service = Service(simulated.world, state, draws, made, kernel(config.kernel), config.artwork, tally)
        for _ in range(config.days):
            service.live(who)
        tallies.append(tally)
        name = made.name
    return Outcome(name, config.kernel, tuple(tallies))


def yardstick(name: str) -> PolicyMaker:
    """The policy of that name that needs no bundle; a UsageError names the known ones."""
    makers: dict[str, PolicyMaker] = {
        "random": lambda simulated, state, draws: RandomPolicy(draws),
        "popularity": lambda simulated, state, draws: PopularityPolicy(state),
        "house": lambda simulated, state, draws: HousePolicy(simulated.world, state, draws),
        "oracle": lambda simulated, state, draws: OraclePolicy(),
    }
    if name not in makers:
        raise UsageError(f"unknown policy {name!r}; choose {', '.join(makers)}, bundle or all")
    return makers[name]


def bundle_policy(bundle: Bundle, use_ranker: bool = True, name: str | None = None) -> PolicyMaker:
    """A published bundle, trained on the log of the world that it is to serve."""
    name = name or ("towers + ranker" if use_ranker else "towers")

    return lambda simulated, state, draws: BundlePolicy.open(
        bundle, simulated.world, simulated.events, name, use_ranker
    )


def households(simulated: Simulated, num_viewers: int | None) -> NDArray[np.int64]:
    """Viewers of randomly drawn accounts that are still members, about `num_viewers` of them."""
    account = simulated.world.viewers.account
    members = np.flatnonzero(simulated.state.is_member)
    rng = np.random.default_rng([simulated.world.seed, 2])
    order = rng.permutation(members)
    size = np.bincount(account, minlength=len(simulated.state.is_member))
    num_accounts = len(order)
    if num_viewers is not None:
        num_accounts = min(num_accounts, int(np.searchsorted(size[order].cumsum(), num_viewers)) + 1)
    return np.flatnonzero(np.isin(account, order[:num_accounts]))


def _resamples(tally: Tally) -> list[Tally]:
    """The tally with each viewer counted Poisson(1) times."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(1, (NUM_RESAMPLES, len(tally.days)))
    return [replace(tally, **{name: getattr(tally, name) * row for name in PER_VIEWER}) for row in counts]
