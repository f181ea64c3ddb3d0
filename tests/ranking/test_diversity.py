"""What happens after the score: trade-offs at their ends, caps kept, mixes met, chances that are right."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ranking.diversity import capped, divergence, greedy_dpp, intra_list_distance, matched_to_tastes, mmr
from ranking.exploration import draw

Diversify = Callable[[NDArray[np.float64], NDArray[np.float32], int, float], NDArray[np.int64]]

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=40)
VECTORS = RNG.normal(size=(40, 6)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
ALIKE = (VECTORS + np.where(SCORES > 0.3, 2.0, 0.0)[:, None]).astype(np.float32)
ALIKE /= np.linalg.norm(ALIKE, axis=1, keepdims=True)
"""The best are like each other."""
BY_SCORE = np.argsort(-SCORES, kind="stable")


@pytest.mark.parametrize("diversify", [mmr, greedy_dpp])
def test_no_trade_off_keeps_the_order_and_more_of_it_spreads_the_list(diversify: Diversify) -> None:
    assert diversify(SCORES, VECTORS, 10, 0.0).tolist() == BY_SCORE[:10].tolist()
    lists = [diversify(SCORES, ALIKE, 10, share) for share in (0.0, 0.5, 0.9)]
    distances = [intra_list_distance(ALIKE[places]) for places in lists]
    assert distances[0] < distances[1] <= distances[2]
    assert all(len(set(places.tolist())) == 10 for places in lists)
    assert len(diversify(SCORES, VECTORS, 100, 0.5)) == 40


def test_the_greedy_set_has_the_largest_determinant_at_each_step() -> None:
    trade_off = 0.4
    spread = (SCORES - SCORES.min()) / (SCORES.max() - SCORES.min())
    quality = np.exp(spread * (1 - trade_off) / (2 * trade_off))
    kernel = quality[:, None] * (VECTORS.astype(np.float64) @ VECTORS.T) * quality
    chosen: list[int] = []
    for _ in range(4):
        rest = [place for place in range(40) if place not in chosen]
        chosen.append(max(rest, key=lambda place: np.linalg.det(kernel[np.ix_([*chosen, place], [*chosen, place])])))
    assert greedy_dpp(SCORES, VECTORS, 4, trade_off).tolist() == chosen


def test_a_copy_of_a_chosen_item_waits() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    scores = np.array([1.0, 0.9, 0.1])
    assert greedy_dpp(scores, vectors, 3, 0.5).tolist() == [0, 2, 1]
    assert mmr(scores, vectors, 3, 0.6).tolist() == [0, 2, 1]


def test_no_group_stands_more_often_than_allowed() -> None:
    groups = [("ann",), ("ann",), ("ann", "bob"), ("bob",), ()]
    assert capped(groups, np.arange(5), 4, at_most=2).tolist() == [0, 1, 3, 4]
    assert capped(groups, np.arange(5), 5, at_most=1).tolist() == [0, 3, 4, 1, 2]


def test_the_mix_of_tastes_meets_the_viewers() -> None:
    tastes = np.eye(2)[[0] * 20 + [1] * 20]
    scores = np.concatenate([np.linspace(2, 1, 20), np.linspace(0.5, 0, 20)])
    wanted = np.array([0.7, 0.3])
    found = matched_to_tastes(scores, tastes, wanted, 10, 0.9)
    assert tastes[found].mean(axis=0) == pytest.approx(wanted, abs=0.05)
    assert matched_to_tastes(scores, tastes, wanted, 10, 0.0).tolist() == list(range(10))
    assert divergence(wanted, wanted[None])[0] == pytest.approx(0, abs=1e-9)


def test_logged_chances_are_the_shares_of_many_draws() -> None:
    scores, rng = np.array([1.0, 0.5, 0.0]), np.random.default_rng(0)
    lists = [draw(scores, 3, 1.0, rng) for _ in range(20_000)]
    for order in itertools.permutations(range(3)):
        same = [drawn for drawn in lists if drawn.places.tolist() == list(order)]
        assert len(same) / len(lists) == pytest.approx(float(np.prod(same[0].propensities)), abs=0.012)


def test_without_temperature_the_best_come_first() -> None:
    drawn = draw(SCORES, 5, 0.0, np.random.default_rng(0))
    assert drawn.places.tolist() == BY_SCORE[:5].tolist()
    assert drawn.propensities.tolist() == [1.0] * 5
    with pytest.raises(ValueError, match="temperature"):
        draw(SCORES, 5, -1.0, np.random.default_rng(0))
