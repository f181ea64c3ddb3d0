"""Negative control: device and company help a bundle where they matter, and gain nothing where they do not.

Run: python benchmarks/context_control.py [number of worlds] [folder]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from serving.bundle import Bundle
from towers.query import Query
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.simulator.bundle_policy import BundlePolicy
from training.simulator.closed_loop import LoopConfig, bundle_policy, closed_loop
from training.simulator.config import preset
from training.simulator.log import Simulated, write_world
from training.simulator.sessions import Sessions
from training.simulator.tally import Tally

COURSES: Final = (1, 2)
LOOP: Final = LoopConfig(days=7, num_viewers=None)
RECIPE: Final = (
    "refit=false",
    "preset=nano",
    "learning.fit.max_epochs=5",
    "split.val_share=0.05",
    "split.test_share=0",
)
NUM_RESAMPLES: Final = 500


def main() -> None:
    """Print plays per session with and without the columns, and the gain of having them."""
    num_worlds, folder = (*sys.argv[1:], *("1", "runs/control")[len(sys.argv) - 1 :])
    for scale in (1.0, 0.0):
        for seed in range(21, 21 + int(num_worlds)):
            world = replace(preset("small"), context_scale=scale)
            simulated = write_world(world, seed, Path(folder) / f"{scale:g}-{seed}").simulated
            having, lacking = (lived(simulated, has_context) for has_context in (True, False))
            print(f"context_scale={scale:g} world {seed}, learned: {difference(having, lacking)}", flush=True)
            print(f"context_scale={scale:g} world {seed}, told: {difference(having, untold(simulated))}", flush=True)


def lived(simulated: Simulated, has_context: bool) -> Sequence[Tally]:
    """What viewers did in each course of life under a bundle that learned with or without the columns."""
    log = simulated.folder / f"log-{has_context}.parquet"
    table = pq.read_table(simulated.events)
    pq.write_table(table if has_context else table.drop_columns(["device", "companions"]), log)
    out = simulated.folder / f"bundle-{has_context}"
    words = ["data=files", f"data.events={log}", f"data.items={simulated.items}", f"out={out}"]
    train(compose(TrainConfig, "train", [*RECIPE, *words, "tracking.enabled=false"]))
    return closed_loop(simulated, bundle_policy(Bundle.load(out)), COURSES, LOOP).tallies


class Untold(BundlePolicy):
    """Is not told device and company of a request."""

    def _query(self, sessions: Sessions, s: int, ts_ms: int) -> Query:
        return replace(super()._query(sessions, s, ts_ms), context={})


def untold(simulated: Simulated) -> Sequence[Tally]:
    """What viewers did under the bundle that learned with the columns and is not told them when asked: unlike two
    trainings, the two differ in nothing else.
    """
    bundle = Bundle.load(simulated.folder / "bundle-True")

    outcome = closed_loop(
        simulated,
        lambda world, state, draws: Untold.open(bundle, world.world, world.events, "untold"),
        COURSES,
        LOOP,
    )
    return outcome.tallies


def difference(having: Sequence[Tally], lacking: Sequence[Tally]) -> str:
    """Plays per session of both, and the gain with its interval over resampled viewers, the same ones for both."""
    plays, pages = (np.stack([sum_of(each, name) for each in (having, lacking)]) for name in ("plays", "pages"))
    weights = np.random.default_rng(0).poisson(1, (NUM_RESAMPLES, plays.shape[1]))
    drawn = (plays @ weights.T) / np.maximum(pages @ weights.T, 1)
    rates = plays.sum(axis=1) / pages.sum(axis=1)
    half = 1.96 * float(np.std(drawn[0] - drawn[1]))
    return (
        f"plays per session {rates[0]:.4f} with, {rates[1]:.4f} without: gain {rates[0] - rates[1]:+.4f} ± {half:.4f}"
    )


def sum_of(tallies: Sequence[Tally], name: str) -> NDArray[np.float64]:
    """The sums by viewer over all courses."""
    return np.asarray(sum(getattr(tally, name) for tally in tallies))


if __name__ == "__main__":
    main()
