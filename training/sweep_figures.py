"""Plots of a sweep: every trial as a line over parallel axes, and how much each varied key matters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from optuna.distributions import CategoricalDistribution

from training.evaluation.figures import ACCENT, INK, QUIET, finish
from training.sweep_space import Space, Varied
from training.sweep_study import Tried

BEST: Final = "#c2410c"
SHADES: Final = LinearSegmentedColormap.from_list("house", ["#c3cad3", ACCENT])
"""From the worst trial to the best."""


class Axis(NamedTuple):
    """One upright axis: its name, the height (0 to 1) of each trial, and labels by height."""

    name: str
    heights: Sequence[float]
    ticks: Mapping[float, str]


def parallel_coordinates(space: Space, tried: Sequence[Tried], best: Tried, objective: str) -> Figure:
    """One line a completed trial, from what was chosen for it to its value at the right; the best one stands out."""
    completed = sorted((one for one in tried if one.state == "complete"), key=lambda one: one.number == best.number)
    drawn = [_axis(varied, completed) for varied in space.varied] + [_values(objective, completed, best)]
    figure = Figure(figsize=(max(5.0, 1.9 * len(drawn)), 4.2), layout="constrained")
    axes = figure.subplots()
    for place, one in enumerate(completed):
        line = [axis.heights[place] for axis in drawn]
        is_best = one.number == best.number
        colour = BEST if is_best else SHADES(drawn[-1].heights[place])
        axes.plot(line, color=colour, linewidth=2.4 if is_best else 1.4, marker=".", zorder=3 if is_best else 2)
    for position, axis in enumerate(drawn):
        _draw(axes, position, axis)
    axes.set_xticks(range(len(drawn)), [axis.name for axis in drawn], size=8)
    axes.set_yticks([])
    axes.set_ylim(-0.04, 1.04)
    axes.set_xlim(-0.2, len(drawn) - 0.5)
    finish(axes, f"{len(completed)} trials; trial {best.number} is best: {objective} {best.value:.4f}")
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    return figure


def importance_bars(importances: Mapping[str, float], num_trials: int) -> Figure:
    """Share of each varied key, the largest first."""
    figure = Figure(figsize=(7, 1.0 + 0.38 * len(importances)), layout="constrained")
    axes = figure.subplots()
    names = short_names(list(importances))
    bars = axes.barh(names, list(importances.values()), color=[ACCENT] + [QUIET] * (len(names) - 1))
    axes.bar_label(bars, fmt="%.2f", padding=3, size=8, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.1)
    finish(axes, f"importance: share of what tells good trials from all {num_trials} (PED-ANOVA)")
    return figure


def short_names(keys: Sequence[str]) -> list[str]:
    """Endings of the keys, as short as keeps them apart."""
    parts = [key.split(".") for key in keys]
    for length in range(1, max((len(part) for part in parts), default=1) + 1):
        names = [".".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return list(keys)


def _axis(varied: Varied, tried: Sequence[Tried]) -> Axis:
    """A choice has its options at even heights, a number its range, logarithmic where it is drawn so."""
    values = [one.params[varied.key] for one in tried]
    name = varied.key.removeprefix("learning.").rpartition(".")
    label = f"{name[0]}\n{name[2]}" if name[0] else name[2]
    distribution = varied.distribution
    if isinstance(distribution, CategoricalDistribution):
        options = varied.values() or ()
        heights = {option: place / max(len(options) - 1, 1) for place, option in enumerate(options)}
        return Axis(label, [heights[value] for value in values], {heights[option]: str(option) for option in options})
    low, high = float(distribution.low), float(distribution.high)
    if distribution.log:
        span = math.log(high / low) or 1.0
        ticks = {0.0: low, 0.5: math.sqrt(low * high), 1.0: high}
        heights_of = [math.log(value / low) / span for value in values]
    else:
        ticks = {0.0: low, 0.5: (low + high) / 2, 1.0: high}
        heights_of = [(value - low) / ((high - low) or 1.0) for value in values]
    return Axis(label, heights_of, {height: f"{tick:.3g}" for height, tick in ticks.items()})


def _values(objective: str, tried: Sequence[Tried], best: Tried) -> Axis:
    """The objective; the best value is at the top also where the smallest is best."""
    values = [one.value for one in tried]
    worst = min(values) if best.value == max(values) else max(values)
    span = (best.value - worst) or 1.0
    ticks = {height: f"{worst + height * span:.4f}" for height in (0.0, 0.5, 1.0)}
    return Axis(objective, [(value - worst) / span for value in values], ticks)


def _draw(axes: Axes, position: int, axis: Axis) -> None:
    axes.axvline(position, ymin=0.037, ymax=0.963, color=INK, linewidth=0.8, zorder=1)
    for height, label in axis.ticks.items():
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.8}
        text = axes.annotate(label, (position, height), xytext=(5, 0), textcoords="offset points", size=7, bbox=box)
        text.set(color=INK, va="center", zorder=4)
