"""A few known viewers to look at the page as: some who watched little, some who watched much."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from serving.recommender import Recommender
from towers.vocabulary import NUM_RESERVED

NUM_RECENT = 3


class KnownViewer(Struct, frozen=True):
    """A viewer of the training data and the titles watched last, newest first."""

    user_id: str
    num_events: int
    recent: list[str]


def known_viewers(recommender: Recommender, k: int) -> list[KnownViewer]:
    """At most `k` viewers, from the shortest history to the longest, evenly spread over the ranks of length."""
    viewers, lengths = recommender.bundle.viewers, np.diff(recommender.bundle.histories.offsets)
    by_length = np.argsort(lengths, kind="stable")
    chosen = by_length[np.unique(np.linspace(0, len(by_length) - 1, min(k, len(by_length))).astype(np.int64))]
    return [_known_viewer(recommender, user_id) for user_id in viewers.ids(chosen + NUM_RESERVED)]


def _known_viewer(recommender: Recommender, user_id: str) -> KnownViewer:
    rows = recommender.state.history(user_id).rows
    recent = recommender.shelf.titles(rows[: -1 - NUM_RECENT : -1])
    return KnownViewer(user_id, len(rows), recent)
