"""What happens after the score: trade-offs at their ends, caps kept, mixes met, chances that are right."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ranking.arrangement import Arrangement
from ranking.diversity import Pool, arranged, divergence, explored, intra_list_distance
from ranking.exploration import draw

RNG = np.random.default_rng(0)
SCORES = np.sort(RNG.normal(size=40))[::-1].copy()
VECTORS = RNG.normal(size=(40, 6)).astype(np.float32)
VECTORS[:15] += 2
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
"""The best are like each other."""


def pool(
    scores: NDArray[np.float64] = SCORES,
    vectors: NDArray[np.float32] | None = None,
    tastes: NDArray[np.float32] | None = None,
    wanted: Sequence[float] = (),
    people: Sequence[Sequence[str]] | None = None,
) -> Pool:
    size = len(scores)
    return Pool(
        scores,
        np.zeros((size, 2), dtype=np.float32) if vectors is None else vectors,
        np.zeros((size, len(wanted)), dtype=np.float32) if tastes is None else tastes,
        np.array(wanted, dtype=np.float32),
        [()] * size if people is None else people,
    )


def test_no_price_keeps_the_order_and_higher_ones_spread_the_list() -> None:
    lists = [arranged(pool(vectors=VECTORS), 10, Arrangement(diversity=price)) for price in (0.0, 0.5, 2.0)]
    assert lists[0].tolist() == list(range(10))
    distances = [intra_list_distance(VECTORS[places]) for places in lists]
    assert distances[0] < distances[1] < distances[2]
    assert all(len(set(places.tolist())) == 10 for places in lists)
    assert len(arranged(pool(vectors=VECTORS), 100, Arrangement(diversity=0.5))) == 40


def test_each_step_takes_the_largest_gain() -> None:
    relevance = (SCORES - SCORES.min()) / (SCORES.max() - SCORES.min())
    chosen: list[int] = []
    for _ in range(5):
        cost = [max((float(VECTORS[p] @ VECTORS[c]) for c in chosen), default=0.0) for p in range(40)]
        rest = [place for place in range(40) if place not in chosen]
        chosen.append(max(rest, key=lambda place: relevance[place] - 0.7 * max(cost[place], 0.0)))
    assert arranged(pool(vectors=VECTORS), 5, Arrangement(diversity=0.7)).tolist() == chosen


def test_a_copy_of_a_chosen_item_waits() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    found = arranged(pool(np.array([1.0, 0.9, 0.1]), vectors), 3, Arrangement(diversity=1.0))
    assert found.tolist() == [0, 2, 1]


def test_nobody_stands_more_often_than_allowed_while_others_are_left() -> None:
    people = [("ann",), ("ann",), ("ann", "bob"), ("bob",), ()]
    given = pool(np.arange(5.0)[::-1], people=people)
    assert arranged(given, 4, Arrangement(max_per_person=2)).tolist() == [0, 1, 3, 4]
    assert arranged(given, 5, Arrangement(max_per_person=1)).tolist() == [0, 3, 4, 1, 2]


def test_the_mix_of_tastes_meets_the_viewers() -> None:
    tastes = np.eye(2, dtype=np.float32)[[0] * 20 + [1] * 20]
    scores = np.concatenate([np.linspace(2, 1, 20), np.linspace(1.5, 0.5, 20)])
    given = pool(scores, tastes=tastes, wanted=(0.7, 0.3))
    found = arranged(given, 10, Arrangement(taste_match=10.0))
    assert tastes[found].mean(axis=0) == pytest.approx([0.7, 0.3], abs=0.05)
    assert arranged(given, 10, Arrangement()).tolist() == list(range(10))
    assert divergence(given.wanted, given.wanted[None])[0] == pytest.approx(0, abs=1e-6)


def test_a_viewer_without_tastes_gets_the_best_first() -> None:
    tastes = np.eye(2, dtype=np.float32)[[0] * 20 + [1] * 20]
    given = pool(SCORES, tastes=tastes, wanted=(0.0, 0.0))
    assert arranged(given, 10, Arrangement(taste_match=5.0)).tolist() == list(range(10))


def test_logged_chances_are_the_shares_of_many_draws() -> None:
    scores, rng = np.array([1.0, 0.5, 0.0]), np.random.default_rng(0)
    lists = [draw(scores, 3, 1.0, rng) for _ in range(20_000)]
    for order in itertools.permutations(range(3)):
        same = [drawn for drawn in lists if drawn.places.tolist() == list(order)]
        assert len(same) / len(lists) == pytest.approx(float(np.prod(same[0].propensities)), abs=0.012)


def test_without_exploration_the_first_come_first() -> None:
    drawn = explored(40, 5, 0.0, np.random.default_rng(0))
    assert drawn.places.tolist() == list(range(5))
    assert drawn.propensities.tolist() == [1.0] * 5


def test_a_quarter_of_exploration_changes_the_first_place_of_one_list_in_thirteen() -> None:
    rng = np.random.default_rng(0)
    changed = np.mean([explored(40, 1, 0.25, rng).places[0] != 0 for _ in range(5_000)])
    assert changed == pytest.approx(1 / 13, abs=0.012)


@pytest.mark.parametrize("wrong", [{"diversity": -1.0}, {"taste_match": 11.0}, {"exploration": 2.0}])
def test_a_price_out_of_range_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Arrangement(**wrong)  # type: ignore[arg-type]
