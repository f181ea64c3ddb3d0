"""The ranking head starts at retrieval order, learns what features say, and is never kept when it is worse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ranking.model import RankingHead
from ranking.value import ValueModel
from training.ranker import MISSED, RankerConfig, RankerExamples, fit_ranker, validation_ndcg

NUM_QUERIES, NUM_CANDIDATES, NUM_FEATURES = 300, 20, 4
CONFIG = RankerConfig(model=RankingHead.Config(hidden=16, num_layers=1), max_epochs=15)


def examples(planted: bool, seed: int = 0) -> RankerExamples:
    """Candidates in retrieval order; when planted, the chosen one is marked by the last feature."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(NUM_QUERIES, NUM_CANDIDATES, NUM_FEATURES)).astype(np.float32)
    features[:, :, 0] = np.sort(rng.random((NUM_QUERIES, NUM_CANDIDATES)), axis=1)[:, ::-1]
    place = rng.integers(0, NUM_CANDIDATES, NUM_QUERIES)
    place[::10] = MISSED
    if planted:
        marked = np.flatnonzero(place != MISSED)
        features[marked, place[marked], -1] += 4
    return RankerExamples(features, np.full(NUM_QUERIES, NUM_CANDIDATES), place)


def test_an_untrained_head_keeps_retrieval_order() -> None:
    given = torch.from_numpy(examples(planted=False).features)
    logits = RankingHead(RankingHead.Config(), NUM_FEATURES, 1).eval()(given)[..., 0]
    assert (logits.diff(dim=1) < 0).all()


def test_a_planted_feature_is_found() -> None:
    head, report = fit_ranker(CONFIG, examples(planted=True), scale=1.0, seed=0)
    assert report.recall_ceiling == pytest.approx(0.9, abs=0.06)
    assert report.retrieval_ndcg < 0.5
    assert report.ranker_ndcg > 0.75
    fresh = examples(planted=True, seed=1)
    assert validation_ndcg(head, fresh, np.arange(NUM_QUERIES)) > 0.7


def test_noise_never_makes_the_kept_head_worse_than_retrieval() -> None:
    _, report = fit_ranker(CONFIG, examples(planted=False), scale=1.0, seed=0)
    assert report.ranker_ndcg >= report.retrieval_ndcg


def test_without_a_retrieved_target_retrieval_order_stays() -> None:
    given = examples(planted=True)
    nothing = replace(CONFIG, max_epochs=3)
    head, report = fit_ranker(nothing, given._replace(place=np.full(NUM_QUERIES, MISSED)), scale=1.0, seed=0)
    assert report.recall_ceiling == 0
    logits = head(torch.from_numpy(given.features))[..., 0]
    assert (logits.diff(dim=1) < 0).all()


def test_a_candidates_score_does_not_depend_on_the_others() -> None:
    head, _ = fit_ranker(CONFIG, examples(planted=True), scale=1.0, seed=0)
    given = torch.from_numpy(examples(planted=True, seed=2).features[0])
    torch.testing.assert_close(head(given)[3], head(given[3:4])[0])


def test_value_ranks_non_finite_scores_last_and_weighs_actions() -> None:
    single = ValueModel({"chosen": 1.0})
    assert single.score(np.array([[1.0], [np.nan], [2.0]], dtype=np.float32)).tolist() == [1.0, -np.inf, 2.0]
    both = ValueModel({"chosen": 1.0, "abandoned": -2.0})
    assert both.score(np.zeros((1, 2), dtype=np.float32)).tolist() == [-0.5]
    with pytest.raises(ValueError, match="1 actions were predicted, 2 have a weight"):
        both.score(np.zeros((1, 1), dtype=np.float32))
