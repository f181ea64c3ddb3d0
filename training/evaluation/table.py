"""The report as text for a terminal of 120 columns."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from training.evaluation.metrics import CUTS, Interval
from training.evaluation.queries import COLD_BELOW
from training.evaluation.report import Report

WIDTH: Final = 120


def as_text(report: Report) -> str:
    """The figures, the slices and the split of the loss, with the reading of the ± beside them."""
    lines = io.StringIO()
    console = Console(file=lines, width=WIDTH, color_system=None, highlight=False)
    console.print(_figures(report))
    console.print()
    console.print(_slices(report))
    console.print()
    for name, reason in report.skipped.items():
        console.print(Text(f"{name} left out: {reason}"))
    if report.loss_split is not None:
        console.print(Text(_loss_line(report)))
    console.print(Text(_reading(report)))
    return lines.getvalue()


def _figures(report: Report) -> Table:
    table = _table(f"{report.num_queries:,} queries, whole catalogue ranked, excluded items removed")
    names = [*(f"hit_rate@{k}" for k in CUTS), *(f"ndcg@{k}" for k in CUTS)]
    for name in [*(f"HR@{k}" for k in CUTS), *(f"NDCG@{k}" for k in CUTS), "cover@10", "novelty", "seconds"]:
        table.add_column(name, justify="right")
    for result in report.results:
        figures = report.figures(result)
        single = [_short(report.coverage(result)), f"{report.novelty(result):.1f}", f"{result.duration_s:.1f}"]
        table.add_row(result.name, *(_with_margin(figures[name]) for name in names), *single)
    return table


def _slices(report: Report) -> Table:
    table = _table("NDCG@10 by slice")
    for name, mask in report.slices:
        table.add_column(f"{name} {int(mask.sum()):,}", justify="right")
    for result in report.results:
        parts = [report.figures(result, mask)["ndcg@10"] for _, mask in report.slices]
        table.add_row(result.name, *(_with_margin(part) for part in parts))
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    return table


def _loss_line(report: Report) -> str:
    split = report.loss_split
    assert split is not None
    return (
        f"Of all queries {split.hit_rate:.1%} hit in the first ten; {split.retrieval_loss:.1%} were lost in retrieval "
        f"(ceiling {split.ceiling:.1%}), {split.ranking_loss:.1%} in ranking."
    )


def _reading(report: Report) -> str:
    unknown = f"; {report.num_unknown_targets:,} targets never occur in training and count as misses"
    return (
        f"±: 95 % interval. cold: fewer than {COLD_BELOW} events in the history. head: the most popular items that "
        f"make half of the training events. novelty: bits{unknown if report.num_unknown_targets else ''}."
    )


def _with_margin(interval: Interval) -> str:
    if not np.isfinite(interval.mean):
        return "-"
    return f"{_short(interval.mean)}±{_short(interval.high - interval.mean)}"


def _short(share: float) -> str:
    return f"{share:.4f}".removeprefix("0") if np.isfinite(share) else "-"
