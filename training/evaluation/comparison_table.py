"""A comparison as text for a terminal of 120 columns."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from training.evaluation.comparison import Comparison, MetricRow
from training.evaluation.metrics import Interval

WIDTH: Final = 120
NUM_SHOWN: Final = 40
NOTE: Final = (
    "Differences are to run A; [low, high] is the paired bootstrap's 95 % interval over the same queries, "
    "and * marks one without 0. Differences without brackets have no interval."
)


def letters(comparison: Comparison) -> list[str]:
    """A, B, C ... for the runs."""
    return [chr(ord("A") + position) for position in range(len(comparison.runs))]


def as_text(comparison: Comparison) -> str:
    """Runs, parameters and metrics that differ; the page holds the metrics beyond the first 40."""
    lines = io.StringIO()
    console = Console(file=lines, width=WIDTH, color_system=None, highlight=False)
    for letter, run in zip(letters(comparison), comparison.runs, strict=True):
        console.print(Text(f"{letter}  {run.name}  {run.id[:8]}"))
    console.print()
    if comparison.params:
        console.print(_params(comparison))
    else:
        console.print(Text("No parameter differs."))
    console.print()
    console.print(_metrics(comparison))
    more = max(len(comparison.metrics) - NUM_SHOWN, 0)
    if more:
        console.print(Text(f"{more} further metrics stand in the page."))
    console.print(Text(f"{comparison.num_equal} metrics are equal in all runs. {NOTE}"))
    return lines.getvalue()


def difference_text(difference: Interval | None) -> str:
    """`+.0120 [+.0040, +.0200] *`; bare where no interval can be had, `-` where a value is missing."""
    if difference is None:
        return "-"
    if not np.isfinite(difference.low):
        return f"{difference.mean:+.4f}"
    is_clear = difference.low > 0 or difference.high < 0
    return f"{difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]{' *' if is_clear else ''}"


def value_text(value: float | None) -> str:
    """Four decimals, or `-` where a run lacks the metric."""
    return "-" if value is None else f"{value:.4f}"


def metric_cells(row: MetricRow) -> list[str]:
    """Name, the value in each run, the differences."""
    return [row.name, *map(value_text, row.values), *map(difference_text, row.differences)]


def metric_header(comparison: Comparison) -> list[str]:
    """Heads of `metric_cells`."""
    first, *others = letters(comparison)
    return ["metric", first, *others, *(f"{other} - {first}" for other in others)]


def _params(comparison: Comparison) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ["parameter", *letters(comparison)]:
        table.add_column(name, overflow="fold")
    for name, values in comparison.params.items():
        table.add_row(Text(name), *map(Text, values))
    return table


def _metrics(comparison: Comparison) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for position, name in enumerate(metric_header(comparison)):
        table.add_column(name, justify="right" if position else "left", overflow="fold")
    for row in comparison.metrics[:NUM_SHOWN]:
        table.add_row(*map(Text, metric_cells(row)))
    return table
