"""Policies in closed loop over held-out worlds: each world has its own log, its own training, its own viewers.

Run: python benchmarks/closed_loop.py [preset of training] [number of worlds] [folder]
"""

from __future__ import annotations

import sys
from pathlib import Path

from serving.bundle import Bundle
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.simulator.attention import KERNELS
from training.simulator.closed_loop import LoopConfig, Outcome, bundle_policy, closed_loop
from training.simulator.config import preset
from training.simulator.log import write_world
from training.simulator.outcomes import as_text, gain_share

FIRST_SEED = 11
"""Worlds before this one were looked at while the simulator was made."""


def main() -> None:
    """Print the table after every world; its intervals are over the worlds so far."""
    recipe, num_worlds, folder = (*sys.argv[1:], *("nano", "5", "runs/benchmark")[len(sys.argv) - 1 :])
    by_world: list[list[Outcome]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + int(num_worlds)):
        by_world.append(judge(seed, recipe, Path(folder) / f"world-{seed}"))
        print(as_text(merged(by_world)), flush=True)
        print(gains(by_world), flush=True)


def judge(seed: int, recipe: str, folder: Path) -> list[Outcome]:
    """Every policy under every kernel in the world of a seed."""
    simulated = write_world(preset("small"), seed, folder).simulated
    words = [f"preset={recipe}", "data=files", f"data.events={simulated.events}", f"data.items={simulated.items}"]
    train(compose(TrainConfig, "train", [*words, f"out={folder / 'bundle'}", "tracking.enabled=false"]))
    bundle = Bundle.load(folder / "bundle")
    policies = ["random", "popularity", bundle_policy(bundle, False), bundle_policy(bundle), "oracle"]
    loops = [LoopConfig(days=7, num_viewers=800, kernel=each.name) for each in KERNELS]
    return [closed_loop(simulated, policy, (1,), loop) for loop in loops for policy in policies]


def merged(by_world: list[list[Outcome]]) -> list[Outcome]:
    """One outcome a policy and kernel, with a tally a world."""
    return [
        Outcome(each[0].policy, each[0].kernel, tuple(outcome.tallies[0] for outcome in each))
        for each in zip(*by_world, strict=True)
    ]


def gains(by_world: list[list[Outcome]]) -> str:
    """Share of the oracle's gain in each world under each kernel."""
    lines = []
    for each in zip(*by_world, strict=True):
        if each[0].policy.startswith("towers"):
            found = [
                gain_share(outcome, [other for other in world if other.kernel == outcome.kernel]) or 0.0
                for outcome, world in zip(each, by_world, strict=True)
            ]
            lines.append(f"gain {each[0].kernel:10} {each[0].policy:15} " + " ".join(f"{gain:.2f}" for gain in found))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
