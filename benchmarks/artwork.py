"""Images chosen by the bandit that is served against images by chance, in closed loop over held-out worlds.

The titles are those of the service of before. The bandit learns from its 84 days, in which images went by chance, and
goes on learning in the 7 days that are judged. With clicks for a reward and no guard it falls for bait: that is the
guard's test.

Run: python benchmarks/artwork.py [FIRST SEED] [NUMBER OF WORLDS] [KERNEL]
"""

from __future__ import annotations

import copy
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import t as student

from training.simulator.artwork import Artwork
from training.simulator.artwork_policy import ArtworkConfig, ArtworkLearner, ArtworkPolicy
from training.simulator.attention import kernel
from training.simulator.config import preset
from training.simulator.events import EventBlock, joined
from training.simulator.log import Simulated
from training.simulator.policies import HousePolicy
from training.simulator.service import Service
from training.simulator.state import State
from training.simulator.stories import catalogue_table
from training.simulator.tally import Tally
from training.simulator.world import World

BANDITS: Final = {
    "quality, guarded": ArtworkConfig(),
    "quality alone": ArtworkConfig(is_guarded=False),
    "clicks": ArtworkConfig(by_clicks=True, is_guarded=False),
}
JUDGED_DAYS: Final = 7
METRICS: Final = ("plays_per_session", "watch_share", "abandonment", "hours_per_viewer_month")


def main() -> None:
    """Print each world, then differences to chance with Student's intervals over the worlds."""
    first, count, name = (*sys.argv[1:], *("111", "5", "geometric")[len(sys.argv) - 1 :])
    found = [judge(seed, name) for seed in range(int(first), int(first) + int(count))]
    for metric in METRICS:
        for policy in found[0]:
            own = np.array([world[policy][metric] for world in found])
            chance = np.array([world["chance"][metric] for world in found])
            print(f"{metric:24} {policy:18} {own.mean():.4f}  {interval(own - chance)}  {interval(own / chance - 1)}")


def judge(seed: int, name: str) -> dict[str, dict[str, float]]:
    """Metrics of every way to choose images in one world."""
    world = World.make(preset("small"), seed)
    state = State.start(world)
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(catalogue_table(world), Path(folder) / "items.parquet")
        simulated = Simulated(world, state, Path(folder))
        learners = {policy: ArtworkLearner(simulated, config) for policy, config in BANDITS.items()}
    learn(world, state, learners)
    found = {"chance": lived(world, state, name, Artwork.RANDOM), "oracle": lived(world, state, name, Artwork.ORACLE)}
    found |= {policy: lived(world, state, name, learner) for policy, learner in learners.items()}
    plays = " ".join(
        f"{policy} {each['plays_per_session']:.4f}/{each['watch_share']:.4f}" for policy, each in found.items()
    )
    print(f"world {seed}: plays/session and share watched: {plays}", flush=True)
    return found


def learn(world: World, state: State, learners: dict[str, ArtworkLearner]) -> None:
    """The log of the service of before, told to all learners day by day."""
    draws, blocks = world.draws(), list[EventBlock]()
    policy = HousePolicy(world, state, draws)
    service = Service(world, state, draws, policy, kernel("geometric"), Artwork.RANDOM, Tally.empty(world))
    for _ in range(world.config.num_days):
        service.live(np.arange(len(world.viewers.rate)), blocks.append)
        block = joined(blocks)
        for learner in learners.values():
            learner.learn(block)
        blocks.clear()


def lived(world: World, state: State, name: str, artwork: Artwork | ArtworkLearner) -> dict[str, float]:
    """What the days after the log come to; every policy meets the same viewers and chances."""
    state, draws, tally = state.copy(), world.draws(1), Tally.empty(world)
    house = HousePolicy(world, state, draws)
    if isinstance(artwork, Artwork):
        service = Service(world, state, draws, house, kernel(name), artwork, tally)
    else:
        policy = ArtworkPolicy(house, copy.deepcopy(artwork), seed=1)
        service = Service(world, state, draws, policy, kernel(name), Artwork.RANDOM, tally)
    for _ in range(JUDGED_DAYS):
        service.live(np.arange(len(world.viewers.rate)))
    return tally.metrics()


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval over worlds."""
    half = (
        student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    )
    return f"{values.mean():+.4f} [{values.mean() - half:+.4f}, {values.mean() + half:+.4f}]"


if __name__ == "__main__":
    main()
