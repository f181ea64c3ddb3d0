from __future__ import annotations

import numpy as np

from ranking.newcomer import Newcomer
from tests.ranking.crowds import group_of, planted

LIKED = np.ones(1, dtype=np.bool_)


def test_nothing_said_is_the_order_of_popularity() -> None:
    crowd = planted()
    prior = Newcomer().prior(crowd.counts)
    assert np.array_equal(np.argsort(-prior, kind="stable"), np.argsort(-crowd.counts, kind="stable"))


def test_a_like_draws_its_own_kind_and_a_dislike_pushes_it_off() -> None:
    crowd = planted()
    title = next(t for t in range(len(crowd.rows)) if group_of(crowd, t) == 1)
    liked = crowd.vectors @ Newcomer().lean(crowd.vectors[[title]], LIKED, crowd.centre)
    disliked = crowd.vectors @ Newcomer().lean(crowd.vectors[[title]], ~LIKED, crowd.centre)
    kind = np.array([group_of(crowd, t) for t in range(len(crowd.rows))])
    assert liked[kind == 1].min() > liked[kind != 1].mean()
    assert disliked[kind == 1].max() < disliked[kind != 1].mean()


def test_each_further_like_makes_the_evidence_weigh_more() -> None:
    crowd = planted()
    kind = [t for t in range(len(crowd.rows)) if group_of(crowd, t) == 2]
    leans = [
        np.linalg.norm(Newcomer().lean(crowd.vectors[kind[:n]], np.ones(n, np.bool_), crowd.centre)) for n in (1, 3, 10)
    ]
    assert leans[0] < leans[1] < leans[2]


def test_no_answers_lean_nowhere() -> None:
    crowd = planted()
    assert not Newcomer().lean(crowd.vectors[:0], LIKED[:0], crowd.centre).any()


def test_the_strength_follows_from_the_crowd() -> None:
    crowd = planted()
    shuffled = crowd._replace(vectors=np.random.default_rng(1).permutation(crowd.vectors))
    true, false = (Newcomer().fitted(each, np.random.default_rng(0)) for each in (crowd, shuffled))
    assert true.strength / (1 + true.doubt) > false.strength / (1 + false.doubt)
