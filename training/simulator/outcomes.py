"""Outcomes of policies side by side: a table to print, figures to track, a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from training.evaluation.figures import ACCENT, INK, finish
from training.simulator.closed_loop import Outcome

_COLUMNS: Final = (
    ("plays_per_session", "plays/session", 1.0, 3),
    ("titles_examined", "examined", 1.0, 1),
    ("watch_share", "watched", 100.0, 1),
    ("abandonment", "abandoned", 100.0, 1),
    ("hours_per_viewer_month", "hours/month", 1.0, 1),
    ("effective_catalogue", "titles", 1.0, 0),
    ("monthly_churn", "churn/month", 100.0, 2),
)
"""Metric, heading, factor, decimals."""

LEGEND: Final = (
    "plays/session: titles chosen from the page, per session that opened it. examined: titles seen. watched,\n"
    "abandoned: share of a title seen, plays left before 15 %, in %. titles: equally played ones that would spread\n"
    "the plays as widely. gain: of what knowing every taste would add to popularity, in %. ±: 95 % interval. Simulated."
)


def as_text(outcomes: Sequence[Outcome]) -> str:
    """One table a kernel, policies in the order given."""
    tables = []
    for kernel in dict.fromkeys(outcome.kernel for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.kernel == kernel]
        heads = [heading for _, heading, _, _ in _COLUMNS]
        rows = [[f"attention: {kernel}", *heads, "gain"], *(_cells(outcome, mine) for outcome in mine)]
        widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
        tables.append("\n".join("  ".join(_aligned(row, widths)) for row in rows))
    return "\n\n".join([*tables, LEGEND, *in_words(outcomes)])


def in_words(outcomes: Sequence[Outcome]) -> list[str]:
    """A sentence a kernel on the last policy before the oracle; none without popularity, oracle and one between."""
    sentences = []
    for kernel in dict.fromkeys(outcome.kernel for outcome in outcomes):
        mine = {outcome.policy: outcome for outcome in outcomes if outcome.kernel == kernel}
        between = [name for name in mine if name not in {"random", "popularity", "house", "oracle"}]
        if {"popularity", "oracle"} <= mine.keys() and between:
            best = mine[between[-1]]
            low, own, high = (
                f"{100 * each.metrics()['plays_per_session']:.0f}"
                for each in (mine["popularity"], best, mine["oracle"])
            )
            share = 100 * (gain_share(best, list(mine.values())) or 0.0)
            sentences.append(
                f"In 100 sessions viewers chose {low} titles from pages of what is popular, {own} from those of\n"
                f"{best.policy}, and {high} if all that they want were known: {share:.0f} % of what there was to gain "
                f"({kernel})."
            )
    return sentences


def outcome_metrics(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Every figure under `loop/KERNEL/POLICY/METRIC`."""
    found: dict[str, float] = {}
    for outcome in outcomes:
        prefix = f"loop/{outcome.kernel}/{outcome.policy.replace(' + ', '_')}"
        found |= {f"{prefix}/{name}": value for name, value in outcome.metrics().items()}
        gain = gain_share(outcome, [other for other in outcomes if other.kernel == outcome.kernel])
        found |= {} if gain is None else {f"{prefix}/gain_share": gain}
    return found


def gain_share(outcome: Outcome, others: Sequence[Outcome]) -> float | None:
    """Share of the oracle's gain in plays per session over popularity; None where one of the two is missing."""
    plays = {other.policy: other.metrics()["plays_per_session"] for other in others}
    if not {"popularity", "oracle"} <= plays.keys():
        return None
    gain = outcome.metrics()["plays_per_session"] - plays["popularity"]
    return gain / (plays["oracle"] - plays["popularity"])


def outcome_bars(outcomes: Sequence[Outcome]) -> Figure:
    """Plays per session and monthly churn of each policy, with intervals, under each kernel."""
    kernels = list(dict.fromkeys(outcome.kernel for outcome in outcomes))
    figure = Figure(figsize=(9, 2.6 * len(kernels)), layout="constrained")
    panels = figure.subplots(len(kernels), 2, squeeze=False)
    for kernel, row in zip(kernels, panels, strict=True):
        mine = [outcome for outcome in outcomes if outcome.kernel == kernel]
        for axes, (metric, title) in zip(
            row, (("plays_per_session", "plays per session"), ("monthly_churn", "monthly churn")), strict=True
        ):
            intervals = [outcome.interval(metric) for outcome in mine]
            halves = np.nan_to_num([interval.half for interval in intervals])
            names = [outcome.policy for outcome in mine]
            axes.barh(names, [interval.mean for interval in intervals], xerr=halves, color=ACCENT, ecolor=INK)
            axes.invert_yaxis()
            finish(axes, f"{title} ({kernel})")
    return figure


def _cells(outcome: Outcome, others: Sequence[Outcome]) -> list[str]:
    cells = [outcome.policy]
    for metric, _, factor, decimals in _COLUMNS:
        mean, half = outcome.interval(metric)
        width = "" if np.isnan(half) else f"±{factor * half:.{decimals}f}"
        cells.append(f"{factor * mean:.{decimals}f}{width}")
    gain = gain_share(outcome, others)
    return [*cells, "" if gain is None else f"{100 * gain:.0f}"]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
