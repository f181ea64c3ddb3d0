"""What a training run leaves in the tracking store beside its metrics: a readable name and the plots of its stages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from matplotlib.figure import Figure

from index.build import BuildReport
from training.data.split import Split
from training.evaluation.figures import Curve as PlottedCurve
from training.evaluation.figures import IndexPoint, index_curve, learning_curves
from training.fit import Curve


def run_title(data: object, now: datetime) -> str:
    """`ml-1m 2026-11-22 21:40`: the data's name (of a file, with its folder) and the start."""
    name = Path(str(getattr(data, "name", None) or getattr(data, "events", "data")))
    return f"{Path(name.parent.name) / name.name} {now:%Y-%m-%d %H:%M}"


def split_in_words(parts: Split) -> str:
    """The split as the manifest names it."""
    return ", ".join(f"{key}={value}" for key, value in parts.description.items())


def curves(curve: Curve) -> Figure:
    """Every metric over the epochs."""
    names = sorted({name for epoch in curve.epochs for name in epoch})
    steps = [float(epoch + 1) for epoch in range(len(curve.epochs))]
    values = {name: [epoch.get(name, float("nan")) for epoch in curve.epochs] for name in names}
    plotted = {name: PlottedCurve(steps, values[name]) for name in names}
    return learning_curves(plotted)


def index_points(report: BuildReport) -> Figure:
    """Recall against latency of every index that was tried."""
    points = [
        IndexPoint(f"{point.kind} {point.effort}", point.recall, point.us_a_query / 1000, point == report.chosen)
        for point in report.curve
    ]
    return index_curve(points, report.recall_floor)
