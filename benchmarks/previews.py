"""Previews decided by the bandit against none, all and chance, in closed loop over worlds.

The titles are those of the service of before. For 28 days previews go by chance and the bandits learn; then each way to
decide lives through the same 14 days, and the bandits go on learning.

Run: python benchmarks/previews.py [FIRST SEED] [NUMBER OF WORLDS] [KERNEL]
"""

from __future__ import annotations

import copy
import sys
from typing import Final

import numpy as np
from scipy.stats import t as student

from ranking.artwork import ArtworkBandit
from training.simulator.artwork import Artwork
from training.simulator.attention import kernel
from training.simulator.config import preset
from training.simulator.events import EventBlock
from training.simulator.policies import HousePolicy
from training.simulator.preview_policy import PreviewPolicy, Previews, teach
from training.simulator.service import Service, Sink
from training.simulator.state import State
from training.simulator.tally import Tally
from training.simulator.world import World

LEARNED_DAYS, JUDGED_DAYS = 28, 14
METRICS: Final = ("plays_per_session", "watch_share", "abandonment", "hours_per_viewer_month")


def main() -> None:
    """Print each world, then differences to no previews with Student's intervals over the worlds."""
    first, count, name = (*sys.argv[1:], *("51", "3", "geometric")[len(sys.argv) - 1 :])
    found = [judge(seed, name) for seed in range(int(first), int(first) + int(count))]
    for metric in METRICS:
        never = np.array([world["never"][metric] for world in found])
        for how in Previews:
            own = np.array([world[how][metric] for world in found])
            print(f"{metric:24} {how:8} {own.mean():.4f}  {interval(own - never)}")


def judge(seed: int, name: str) -> dict[str, dict[str, float]]:
    """Metrics of every way to decide in one world."""
    world = World.make(preset("small"), seed)
    state = State.start(world)
    arms = np.full(world.titles.num_titles, 2)
    bandits = {Previews.QUALITY: ArtworkBandit.new(arms), Previews.CLICKS: ArtworkBandit.new(arms, guards=False)}

    def tell(block: EventBlock) -> None:
        for how, bandit in bandits.items():
            teach(bandit, block, counts_clicks=how is Previews.CLICKS)

    live(world, state, name, Previews.CHANCE, ArtworkBandit.new(arms), LEARNED_DAYS, tell)
    found = {}
    for how in Previews:
        bandit = copy.deepcopy(bandits.get(how, bandits[Previews.QUALITY]))
        found[str(how)] = live(world, state.copy(), name, how, bandit, JUDGED_DAYS)
    told = " ".join(f"{how} {each['plays_per_session']:.4f}/{each['watch_share']:.4f}" for how, each in found.items())
    print(f"world {seed}: plays/session and share watched: {told}", flush=True)
    return found


def live(
    world: World,
    state: State,
    name: str,
    how: Previews,
    bandit: ArtworkBandit,
    days: int,
    sink: Sink = lambda block: None,
) -> dict[str, float]:
    """What the days come to; every way to decide meets the same viewers and chances."""
    draws, tally = world.draws(int(state.day >= LEARNED_DAYS)), Tally.empty(world)
    policy = PreviewPolicy(HousePolicy(world, state, draws), how, bandit)
    service = Service(world, state, draws, policy, kernel(name), Artwork.RANDOM, tally)
    for _ in range(days):
        service.live(np.arange(len(world.viewers.rate)), sink)
    return tally.metrics()


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval over worlds."""
    count = len(values)
    half = student.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
    return f"{values.mean():+.4f} [{values.mean() - half:+.4f}, {values.mean() + half:+.4f}]"


if __name__ == "__main__":
    main()
