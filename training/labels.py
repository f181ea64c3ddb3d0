"""What viewers did with what they chose, as labels for the ranking head: one number in [0, 1] an action.

Shapes: Q questions, K candidates, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.data.histories import ABANDONED_SHARE, COMPLETED_SHARE
from training.evaluation.queries import Queries
from training.watch_time import quantiles

CHOSEN: Final = "chosen"
NOT_INTERESTED: Final = "not_interested"
TAKEN_SHARE: Final = 0.7
LONG_S: Final = 7200.0
"""What is watched longer than that counts as this."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Actions, the first of which is the choice itself, and what became of each question's target.

    item_ids: of the targets [Q]. outcomes: float32 [Q, A - 1], NaN where unknown.
    """

    actions: tuple[str, ...]
    item_ids: tuple[str, ...]
    outcomes: NDArray[np.float32]

    def of(self, q: int, is_target: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Labels [K, A] of question q's candidates: whether each was chosen, and the rest of the chosen one alone."""
        labels = np.full((len(is_target), len(self.actions)), np.nan, dtype=np.float32)
        labels[:, 0] = is_target
        labels[is_target, 1:] = self.outcomes[q]
        return labels


def labels_of(events: pd.DataFrame, queries: Queries) -> Labels:
    """Labels of the questions' targets in the event table; actions the data does not tell of are left out."""
    if queries.positions is None:
        raise ValueError("the questions do not say which events they ask for; make them with training.questions.ask")
    told = outcomes(events)
    asked = {name: values[queries.positions] for name, values in told.items()}
    known = {name: values for name, values in asked.items() if np.isfinite(values).any()}
    columns = [np.empty((len(queries), 0)), *(values[:, None] for values in known.values())]
    item_ids = tuple(events["item_id"].iloc[queries.positions])
    return Labels((CHOSEN, *known), item_ids, np.concatenate(columns, axis=1).astype(np.float32))


def outcomes(events: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """By action, float64 [E] in [0, 1], NaN where the event does not tell.

    liked: said so. take, complete, abandon: by the watched share. watch: quantile of the watch time among items of like
    duration. time: the watch time itself, two hours or more being 1.
    """
    told = {}
    if "liked" in events:
        told["liked"] = events["liked"].to_numpy(dtype=np.float64)
    share = watched_share(events)
    known = np.isfinite(share)
    if known.any():
        for name, happened in (
            ("take", share >= TAKEN_SHARE),
            ("complete", share >= COMPLETED_SHARE),
            ("abandon", share < ABANDONED_SHARE),
        ):
            told[name] = np.where(known, happened, np.nan)
        watch_s, duration_s = (events[name].to_numpy(dtype=np.float64) for name in ("watch_s", "duration_s"))
        told["watch"] = quantiles(watch_s, duration_s)
        told["time"] = np.where(known, np.clip(watch_s / LONG_S, 0, 1), np.nan)
    return told


def watched_share(events: pd.DataFrame) -> NDArray[np.float64]:
    """Share [E] of its length that each event watched, NaN where that is not told; more than 1 where it went on."""
    if not {"watch_s", "duration_s"} <= set(events.columns):
        return np.full(len(events), np.nan)
    watch_s, duration_s = (events[name].to_numpy(dtype=np.float64) for name in ("watch_s", "duration_s"))
    known = np.isfinite(watch_s) & (duration_s > 0)
    return np.where(known, watch_s / np.where(known, duration_s, 1.0), np.nan)
