"""Held-out events as questions: who asked, with which history, in which moment, and what was chosen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from towers.features import FeatureSpec
from towers.vocabulary import UNKNOWN, Vocabulary
from training.data.dataset import Dataset
from training.data.histories import before
from training.data.split import targets
from training.evaluation.queries import Queries


def ask(
    dataset: Dataset,
    part: NDArray[np.bool_],
    spec: FeatureSpec,
    viewers: Vocabulary,
    target: str,
    seed: int,
    per_viewer: int = 1,
) -> Queries:
    """Questions of the viewers of the part [E]: `last` or `random` targets, with all that viewer did earlier.

    Items outside the vocabulary are UNKNOWN as targets and left out of histories.
    """
    chosen = targets(dataset.events, part, np.random.default_rng(seed), target, per_viewer)
    asked = dataset.events.iloc[chosen.positions]
    histories = before(dataset.events, chosen.positions, spec.vocabulary)
    users = list(chosen.user_ids)
    columns = [column for column in spec.columns if column in asked]
    moments = asked[columns].astype(str).to_dict("records") if columns else [{}] * len(users)
    return Queries(
        histories=[histories.of(q) for q in range(len(users))],
        request_ts_ms=asked["ts_ms"].to_numpy(dtype=np.int64),
        targets=spec.vocabulary.rows(asked["item_id"].tolist()),
        contexts=[{str(key): str(value) for key, value in moment.items()} for moment in moments],
        user_ids=users,
        is_known_viewer=viewers.rows(users) != UNKNOWN,
        positions=chosen.positions,
    )
