from __future__ import annotations

import numpy as np
import pytest

from serving.page.onboarding import Asking, grid


def asking(asked: list[int], liked: list[int]) -> Asking:
    """Twelve titles in three tight groups; the first group is the best known."""
    centres = np.eye(3, dtype=np.float32)
    vectors = np.repeat(centres, 4, axis=0) + 0.05 * np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Asking(
        np.linspace(1, 0.1, 12) / 6,
        vectors,
        np.ones(12, dtype=np.bool_),
        np.array(asked, np.int64),
        np.array(liked, np.int64),
    )


def test_the_popular_grid_is_the_best_known_titles() -> None:
    assert grid("popular", asking([], []), 4).tolist() == [0, 1, 2, 3]


def test_the_diverse_grid_takes_one_of_each_kind() -> None:
    assert sorted(row // 4 for row in grid("diverse", asking([], []), 3).tolist()) == [0, 1, 2]


def test_the_adaptive_grid_leans_to_what_was_liked() -> None:
    first = grid("adaptive", asking([0, 4, 8], [8]), 1)[0]
    assert first // 4 == 2


@pytest.mark.parametrize("kind", ["popular", "diverse", "adaptive"])
def test_nothing_is_asked_twice(kind: str) -> None:
    rows = grid(kind, asking([0, 5], [0]), 20).tolist()
    assert sorted([*rows, 0, 5]) == list(range(12))
