"""Plots of a run: learning curves, scorers side by side, recall against latency of the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.report import Report

INK: Final = "#1f2933"
ACCENT: Final = "#2563a6"
QUIET: Final = "#9aa5b1"
COLOURS: Final = (ACCENT, "#c2410c", "#15803d", "#7c3aed", "#b45309", "#0e7490")


class Curve(NamedTuple):
    """Values of one metric over steps."""

    steps: Sequence[float]
    values: Sequence[float]


class IndexPoint(NamedTuple):
    """One setting of an index: recall against exact search, latency of one query, and whether it was chosen."""

    label: str
    recall: float
    latency_ms: float
    is_chosen: bool


def learning_curves(curves: Mapping[str, Curve], x_label: str = "epoch") -> Figure:
    """One panel a metric family (`loss`, `ndcg@10`), the cuts (`train`, `val`) together."""
    families = list(dict.fromkeys(name.partition("/")[2] or name for name in curves))
    figure = Figure(figsize=(4.5 * max(len(families), 1), 3.2), layout="constrained")
    panels = figure.subplots(1, max(len(families), 1), squeeze=False)[0]
    for axes, family in zip(panels, families, strict=False):
        mine = [name for name in curves if (name.partition("/")[2] or name) == family]
        for name, colour in zip(mine, COLOURS, strict=False):
            axes.plot(curves[name].steps, curves[name].values, color=colour, marker=".", label=name)
        axes.set_xlabel(x_label)
        finish(axes, family)
        axes.legend(frameon=False)
    return figure


def scorer_bars(report: Report, metric: str = "ndcg@10") -> Figure:
    """The metric of every scorer with its 95 % interval; the last one, which is served, stands out."""
    names = [result.name for result in report.results]
    intervals = [report.figures(result)[metric] for result in report.results]
    figure = Figure(figsize=(7, 0.6 + 0.38 * len(names)), layout="constrained")
    axes = figure.subplots()
    margins = [interval.high - interval.mean for interval in intervals]
    colours = [QUIET] * (len(names) - 1) + [ACCENT]
    axes.barh(names, [interval.mean for interval in intervals], xerr=margins, color=colours, ecolor=INK, capsize=2)
    axes.invert_yaxis()
    finish(axes, f"test/{metric}, 95 % intervals")
    return figure


def index_curve(points: Sequence[IndexPoint], floor: float | None = None) -> Figure:
    """Recall against latency of each setting that was tried."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for point in points:
        axes.scatter(point.latency_ms, point.recall, color=ACCENT if point.is_chosen else QUIET, zorder=3)
        axes.annotate(point.label, (point.latency_ms, point.recall), xytext=(4, 4), textcoords="offset points", size=7)
    if floor is not None:
        axes.axhline(floor, color=INK, linewidth=0.8, linestyle="--")
    if points:
        axes.set_xscale("log")
    axes.set_xlabel("latency of one query, ms")
    finish(axes, "recall against exact search")
    return figure


def finish(axes: Axes, title: str) -> None:
    """The house look: a title at the left, a quiet grid, no frame."""
    axes.set_title(title, loc="left", size=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#e4e7eb", linewidth=0.6)
    axes.set_axisbelow(True)
