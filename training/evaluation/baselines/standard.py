"""The counting models of every report, in the order of the table."""

from __future__ import annotations

from training.evaluation.baselines.base import Baseline
from training.evaluation.baselines.ease import EASE
from training.evaluation.baselines.item_knn import ItemKNN
from training.evaluation.baselines.popularity import LatestPopularity, Popularity, RecentPopularity
from training.evaluation.baselines.sequential_rules import SequentialRules

RECENCY_TAU = 3.0
"""Fading of the history, in events, of the recency-weighted EASE: the value that served best on ML-1M."""


def standard_baselines(has_clock: bool) -> dict[str, Baseline]:
    """Fresh baselines by name; without a clock nothing fades with time, so recency means the latest events."""
    recent: Baseline = RecentPopularity() if has_clock else LatestPopularity()
    ease = EASE()
    return {
        "popularity": Popularity(),
        "recent popularity": recent,
        "ItemKNN": ItemKNN(),
        "EASE": ease,
        "EASE recent": EASE(EASE.Config(tau=RECENCY_TAU), twin=ease),
        "sequential rules": SequentialRules(),
    }
