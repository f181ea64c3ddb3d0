"""What a training run leaves in the tracking store beside its metrics: a readable name and the plots of its stages."""

from __future__ import annotations

from datetime import datetime

from matplotlib.figure import Figure

from index.build import BuildReport
from training.evaluation.figures import Curve as PlottedCurve
from training.evaluation.figures import IndexPoint, index_curve, learning_curves
from training.fit import Curve


def run_title(data: object, now: datetime) -> str:
    """`ml_1m 2026-11-22 21:40`: the data's name and the start."""
    name = getattr(data, "layout", None) or getattr(data, "events", None) or type(data).__name__
    return f"{str(name).rsplit('/', 1)[-1]} {now:%Y-%m-%d %H:%M}"


def curves(curve: Curve) -> Figure:
    """Every metric over the epochs."""
    names = sorted({name for epoch in curve.epochs for name in epoch})
    steps = range(1, len(curve.epochs) + 1)
    plotted = {name: PlottedCurve(list(steps), [epoch.get(name, float("nan")) for epoch in curve.epochs]) for name in names}
    return learning_curves(plotted)


def index_points(report: BuildReport) -> Figure:
    """Recall against latency of every index that was tried."""
    points = [
        IndexPoint(f"{point.kind} {point.effort}", point.recall, point.us_a_query / 1000, point == report.chosen)
        for point in report.curve
    ]
    return index_curve(points, report.recall_floor)
