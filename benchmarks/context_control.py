"""Negative control: device and company help a bundle where they matter, and gain nothing where they do not.

Run: python benchmarks/context_control.py [number of worlds] [folder]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from serving.bundle import Bundle
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.simulator.closed_loop import LoopConfig, bundle_policy, closed_loop
from training.simulator.config import preset
from training.simulator.log import Simulated, write_world

COURSES = (1, 2, 3)
LOOP = LoopConfig(days=7, num_viewers=800)


def main() -> None:
    """Print plays per session with and without the columns, and the gain of having them."""
    num_worlds, folder = (*sys.argv[1:], *("2", "runs/control")[len(sys.argv) - 1 :])
    for scale in (1.0, 0.0):
        gains = []
        for seed in range(11, 11 + int(num_worlds)):
            world = replace(preset("small"), context_scale=scale)
            simulated = write_world(world, seed, Path(folder) / f"{scale:g}-{seed}").simulated
            gains.append(played(simulated, has_context=True) - played(simulated, has_context=False))
        shown = " ".join(f"{gain:+.4f}" for gain in np.stack(gains).ravel())
        print(f"context_scale={scale:g}: gain in plays per session {shown}", flush=True)


def played(simulated: Simulated, has_context: bool) -> NDArray[np.float64]:
    """Plays per session in each course of life under a bundle that learned with or without the columns."""
    log = simulated.folder / f"log-{has_context}.parquet"
    table = pq.read_table(simulated.events)
    pq.write_table(table if has_context else table.drop_columns(["device", "companions"]), log)
    out = simulated.folder / f"bundle-{has_context}"
    words = ["preset=nano", "data=files", f"data.events={log}", f"data.items={simulated.items}", f"out={out}"]
    train(compose(TrainConfig, "train", [*words, "tracking.enabled=false"]))
    outcome = closed_loop(simulated, bundle_policy(Bundle.load(out)), COURSES, LOOP)
    return np.array([tally.metrics()["plays_per_session"] for tally in outcome.tallies])


if __name__ == "__main__":
    main()
