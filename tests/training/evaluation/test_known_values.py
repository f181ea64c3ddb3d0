"""Figures on ML-1M under the published leave-one-out protocol; they need the real data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from towers.history import Histories, History
from towers.vocabulary import Vocabulary
from training.evaluation.baselines.base import Baseline
from training.evaluation.baselines.ease import EASE
from training.evaluation.baselines.item_knn import ItemKNN
from training.evaluation.baselines.popularity import LatestPopularity, Popularity
from training.evaluation.baselines.sequential_rules import SequentialRules
from training.evaluation.evaluator import evaluate_scores
from training.evaluation.metrics import gains, hits
from training.evaluation.queries import Queries


class Cut(NamedTuple):
    """The last event of every viewer is the target, all earlier ones are training and history."""

    training: Histories
    queries: Queries
    num_rows: int


@pytest.fixture(scope="module")
def cut(marquee_data: Path) -> Cut:
    path = marquee_data / "ml-1m" / "ml-1m.txt"
    if not path.is_file():
        pytest.skip(f"no {path}: the file behind the published leave-one-out tables")
    users, items = np.loadtxt(path, dtype=np.int64, unpack=True)
    vocabulary = Vocabulary.fit([str(item) for item in items])
    rows = vocabulary.rows([str(item) for item in items])
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    viewers = np.split(rows, starts[1:])
    histories = [History.of(viewer[:-1], np.arange(len(viewer) - 1) * 1000) for viewer in viewers]
    lengths = [len(viewer) for viewer in viewers]
    queries = Queries(
        histories=histories,
        request_ts_ms=np.array(lengths) * 1000,
        targets=np.array([viewer[-1] for viewer in viewers]),
        contexts=[{}] * len(viewers),
        user_ids=[str(user) for user in users[starts]],
        is_known_viewer=np.ones(len(viewers), dtype=np.bool_),
    )
    return Cut(joined(histories), queries, vocabulary.num_rows)


def joined(histories: Sequence[History]) -> Histories:
    offsets = np.cumsum([0, *(len(history.rows) for history in histories)])
    return Histories(offsets, *(np.concatenate(parts) for parts in zip(*histories, strict=True)))


def test_popularity_has_the_known_figures(cut: Cut) -> None:
    popularity = Popularity().fit(cut.training, cut.num_rows)
    ranks = evaluate_scores("popularity", popularity, cut.queries, cut.num_rows).ranks
    assert len(ranks) == 6040
    assert round(float(hits(ranks, 10).mean()), 4) == 0.0364
    assert round(float(gains(ranks, 10).mean()), 4) == 0.0179
    assert hits(ranks, 100).mean() == pytest.approx(0.2258, abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("baseline", "hit_rate", "ndcg"),
    [
        (LatestPopularity(), 0.064, 0.033),
        (ItemKNN(), 0.079, 0.040),
        (EASE(), 0.108, 0.053),
        (EASE(EASE.Config(tau=3.0)), 0.233, 0.129),
    ],
    ids=["latest", "ItemKNN", "EASE", "EASE recent"],
)
def test_baselines_have_the_figures_of_their_peers(cut: Cut, baseline: Baseline, hit_rate: float, ndcg: float) -> None:
    fitted = baseline.fit(cut.training, cut.num_rows)
    ranks = evaluate_scores("baseline", fitted, cut.queries, cut.num_rows).ranks
    assert hits(ranks, 10).mean() == pytest.approx(hit_rate, abs=0.004)
    assert gains(ranks, 10).mean() == pytest.approx(ndcg, abs=0.002)


@pytest.mark.slow
def test_sequential_rules_do_not_fall_below_their_peer(cut: Cut) -> None:
    rules = SequentialRules().fit(cut.training, cut.num_rows)
    ranks = evaluate_scores("rules", rules, cut.queries, cut.num_rows).ranks
    assert gains(ranks, 10).mean() > 0.157
    assert hits(ranks, 10).mean() > 0.269
    assert hits(ranks, 100).mean() > 0.605
