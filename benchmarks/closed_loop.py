"""Policies in closed loop over held-out worlds: each world has its own log, its own training, its own viewers.

Run: python benchmarks/closed_loop.py [preset of training] [number of worlds] [folder] [viewers]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from serving.bundle import Bundle
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.simulator.attention import KERNELS
from training.simulator.closed_loop import LoopConfig, Outcome, PolicyMaker, bundle_policy, closed_loop
from training.simulator.config import preset
from training.simulator.log import write_world
from training.simulator.outcomes import as_text, gain_share

FIRST_SEED = 11
"""Worlds before this one were looked at while the simulator was made."""

LATEST = ("refit=false", "split.val_share=0.05", "split.test_share=0")
"""What is published has learned from all but the newest twentieth of the log: its viewers are the test."""

COMPARED = (("plays_per_session", 1), ("monthly_churn", -1))
"""Metrics in which each policy is to beat the one before, and the sign of better."""


def main() -> None:
    """Print the tables after every world; their intervals are over the worlds so far."""
    recipe, num_worlds, folder, viewers = (*sys.argv[1:], *("nano", "5", "runs/benchmark", "500")[len(sys.argv) - 1 :])
    by_world: list[list[Outcome]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + int(num_worlds)):
        by_world.append(judge(seed, recipe, Path(folder) / f"world-{seed}", int(viewers)))
        print("\n".join([as_text(merged(by_world)), *gains(by_world), *neighbours(merged(by_world))]), flush=True)


def judge(seed: int, recipe: str, folder: Path, viewers: int) -> list[Outcome]:
    """Every policy under every kernel in the world of a seed."""
    simulated = write_world(preset("small"), seed, folder).simulated
    data = ["data=files", f"data.events={simulated.events}", f"data.items={simulated.items}"]
    words = [f"preset={recipe}", *LATEST, *data, f"out={folder / 'bundle'}", "tracking.enabled=false"]
    train(compose(TrainConfig, "train", words))
    bundle = Bundle.load(folder / "bundle")
    policies: list[str | PolicyMaker] = [
        "random",
        "popularity",
        bundle_policy(bundle, False),
        bundle_policy(bundle),
        "oracle",
    ]
    loops = [LoopConfig(days=7, num_viewers=viewers, kernel=each.name) for each in KERNELS]
    return [closed_loop(simulated, policy, (1,), loop) for loop in loops for policy in policies]


def merged(by_world: list[list[Outcome]]) -> list[Outcome]:
    """One outcome a policy and kernel, with a tally a world."""
    return [
        Outcome(each[0].policy, each[0].kernel, tuple(outcome.tallies[0] for outcome in each))
        for each in zip(*by_world, strict=True)
    ]


def gains(by_world: list[list[Outcome]]) -> Iterator[str]:
    """Share of the oracle's gain in each world under each kernel, and their mean."""
    for each in zip(*by_world, strict=True):
        if each[0].policy.startswith("towers"):
            found = [
                gain_share(outcome, [other for other in world if other.kernel == outcome.kernel]) or 0.0
                for outcome, world in zip(each, by_world, strict=True)
            ]
            shown = " ".join(f"{gain:.2f}" for gain in found)
            yield f"gain {each[0].kernel:10} {each[0].policy:15} {shown}  mean {interval(np.array(found))}"


def neighbours(outcomes: list[Outcome]) -> Iterator[str]:
    """How far each policy lies from the one before: whether intervals overlap, and the paired difference."""
    for before, after in pairwise(outcomes):
        if before.kernel != after.kernel:
            continue
        for metric, sign in COMPARED:
            lower, upper = before.interval(metric), after.interval(metric)
            overlap = sign * (upper.mean - lower.mean) < upper.half + lower.half
            difference = interval(values(after, metric) - values(before, metric), 4)
            words = f"{before.policy} -> {after.policy}"
            yield f"{before.kernel:10} {metric:18} {words:32} {difference} {'overlap' if overlap else 'apart'}"


def values(outcome: Outcome, metric: str) -> NDArray[np.float64]:
    """The metric in each world."""
    return np.array([tally.metrics()[metric] for tally in outcome.tallies])


def interval(differences: NDArray[np.float64], decimals: int = 2) -> str:
    """Mean and half of Student's 95 % interval."""
    count = len(differences)
    half = student.ppf(0.975, count - 1) * differences.std(ddof=1) / np.sqrt(count) if count > 1 else float("nan")
    return f"{differences.mean():+.{decimals}f} ± {half:.{decimals}f}"


if __name__ == "__main__":
    main()
