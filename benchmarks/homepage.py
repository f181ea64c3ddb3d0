"""The homepage in closed loop over held-out worlds: strategies under three kernels, and what each of its parts brings.

    python benchmarks/homepage.py [FOLDER] [number of worlds] [days] [viewers] [all | loop | panel]

Each world has its own log, its own training (nano) and its own viewers, who live on under every policy with the same
chances; differences are paired by world, and their intervals are Student's over the worlds. `expected_plays` are plays
per session without most of the luck in them (`training/simulator/expected_plays.py`). `play_chance` is the chance by
the world's truth that something on a page is played, of all pages for the same requests of those who live under the
stage-wise one (`training/simulator/page_panel.py`). `loop` and `panel` tell one without the other.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from serving.bundle import Bundle
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.simulator.attention import KERNELS, Kernel
from training.simulator.closed_loop import LoopConfig, PolicyMaker, closed_loop
from training.simulator.config import preset
from training.simulator.expected_plays import ExpectedPlays
from training.simulator.log import Simulated, write_world
from training.simulator.page_panel import PagePanel
from training.simulator.page_policy import PagePolicy, PagePolicyConfig
from training.simulator.policies import Policy

FIRST_SEED = 11
"""Worlds before this one were looked at while the page was made."""

STAGEWISE = PagePolicyConfig()
STRATEGIES = {name: replace(STAGEWISE, strategy=name) for name in ("template", "independent", "stagewise")}
PARTS = {
    "rows in any order": replace(STAGEWISE, shuffles=True),
    "titles may repeat": replace(STAGEWISE, may_repeat=True),
    "random artwork": replace(STAGEWISE, artwork="random"),
    "artwork by clicks": replace(STAGEWISE, artwork="click"),
}

Figures = dict[tuple[str, str], dict[str, float]]


def main() -> None:
    """Print the table after every world."""
    folder, worlds, days, viewers, what = (
        *sys.argv[1:],
        *("runs/homepage", "5", "3", "500", "all")[len(sys.argv) - 1 :],
    )
    found: list[Figures] = []
    for seed in range(FIRST_SEED, FIRST_SEED + int(worlds)):
        loop = LoopConfig(int(days), int(viewers))
        simulated, bundle = world(seed, Path(folder) / f"world-{seed}")
        figures = {} if what == "panel" else judge(simulated, bundle, loop)
        for key, chance in {} if what == "loop" else panel(simulated, bundle, loop).items():
            figures.setdefault(key, {})["play_chance"] = chance
        found.append(figures)
        print(f"after {len(found)} worlds\n{table(found)}", flush=True)


def world(seed: int, folder: Path) -> tuple[Simulated, Bundle]:
    """The world of a seed and a bundle trained on its log, made once."""
    if not (folder / "bundle" / "CURRENT").is_file():
        simulated = write_world(replace(preset("small"), num_viewers=900, num_days=56), seed, folder).simulated
        words = ["preset=nano", "data=files", f"data.events={simulated.events}", f"data.items={simulated.items}"]
        words += [f"out={folder / 'bundle'}", "tracking.enabled=false", "judge.max_queries=200"]
        train(compose(TrainConfig, "train", words))
    return Simulated.load(folder), Bundle.load(folder / "bundle")


def judge(simulated: Simulated, bundle: Bundle, loop: LoopConfig) -> Figures:
    """Figures of every policy by kernel and name, its viewers living under it."""
    figures: Figures = {}
    for kernel in KERNELS:
        for name, config in compared(kernel).items():
            opened = PagePolicy.open(bundle, simulated.world, simulated.events, config, name)
            judged = ExpectedPlays(opened, simulated.world, kernel)
            outcome = closed_loop(simulated, made_by(judged), (1,), replace(loop, kernel=kernel.name))
            found = figures[kernel.name, name] = outcome.metrics() | {"expected_plays": judged.a_session}
            print(kernel.name, name, {key: round(value, 4) for key, value in found.items()}, flush=True)
    return figures


def panel(simulated: Simulated, bundle: Bundle, loop: LoopConfig) -> dict[tuple[str, str], float]:
    """Mean chance of a play of the policies' pages by kernel and name, over the same requests."""
    chances: dict[tuple[str, str], float] = {}
    for kernel in KERNELS:
        configs = {name: config for name, config in compared(kernel).items() if config.artwork != "click"}
        watching = PagePanel.watching(bundle, simulated.world, simulated.events, configs, "stagewise", kernel)
        closed_loop(simulated, watching.made, (1,), replace(loop, kernel=kernel.name))
        means = {name: float(np.mean(each)) for name, each in watching.chances.items()}
        print(kernel.name, {name: round(mean, 4) for name, mean in means.items()}, flush=True)
        chances |= {(kernel.name, name): mean for name, mean in means.items()}
    return chances


def compared(kernel: Kernel) -> dict[str, PagePolicyConfig]:
    """The policies under a kernel."""
    named = STRATEGIES | (PARTS if kernel.name == "geometric" else {})
    return {name: replace(config, attention=kernel.name) for name, config in named.items()}


def made_by(policy: Policy) -> PolicyMaker:
    """A policy for one closed loop."""
    return lambda simulated, state, draws: policy


def table(found: Sequence[Figures]) -> str:
    """Each metric, and differences between neighbours with their intervals."""
    lines = []
    for kernel in dict.fromkeys(kernel for kernel, _ in found[0]):
        pairs = [("stagewise", "independent"), ("independent", "template"), ("stagewise", "template")]
        if kernel == "geometric":
            pairs += [("stagewise", name) for name in PARTS]
        names = [name for other, name in found[0] if other == kernel]
        for metric in ("plays_per_session", "expected_plays", "watch_share", "play_chance"):
            told = {name: [each[kernel, name][metric] for each in found] for name in names
                    if metric in found[0][kernel, name]}  # fmt: skip
            lines += [f"{kernel:10} {metric:18} {name:20} {cell(values)}" for name, values in told.items()]
            for better, worse in pairs:
                if better in told and worse in told:
                    change = [a - b for a, b in zip(told[better], told[worse], strict=True)]
                    lines.append(f"{kernel:10} {metric:18} {better} - {worse}: {cell(change)}")
    return "\n".join(lines)


def cell(values: Sequence[float]) -> str:
    """Mean and half of the 95 % interval over worlds."""
    if len(values) < 2:
        return f"{values[0]:.4f}"
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.4f} ± {half:.4f}"


if __name__ == "__main__":
    main()
