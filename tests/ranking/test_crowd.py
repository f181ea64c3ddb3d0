from __future__ import annotations

import numpy as np

from ranking.crowd import crowd_of, is_liked
from towers.history import Action, Histories


def test_what_was_broken_off_is_not_liked() -> None:
    actions = np.array([Action.LIKED, Action.COMPLETED, Action.CHOSEN, Action.CHOSEN, Action.ABANDONED], np.int8)
    shares = np.array([0, 11, 0, 3, 1], np.int8)
    assert is_liked(actions, shares).tolist() == [True, True, True, False, False]


def test_the_crowd_knows_the_best_known_titles_first() -> None:
    rows = np.array([2, 3, 4, 3, 4, 4], dtype=np.int64)
    liked = np.full(6, Action.LIKED, np.int8)
    histories = Histories(np.array([0, 3, 5, 6]), rows, np.arange(6), liked, np.zeros(6, np.int8))
    crowd = crowd_of(histories, np.eye(6, dtype=np.float32), num_titles=2, least=1)
    assert crowd.rows.tolist() == [4, 3]
    assert crowd.counts.tolist() == [3, 2]
    assert crowd.likes.tolist() == [[True, True], [True, True], [True, False]]
    assert crowd.places(np.array([3, 5, 4])).tolist() == [1, 0]
    np.testing.assert_allclose(crowd.centre, [0, 0, 0, 0.4, 0.6, 0], rtol=1e-6)


def test_a_bundle_without_viewers_has_an_empty_crowd() -> None:
    none, nothing = np.empty(0, np.int64), np.empty(0, np.int8)
    nobody = Histories(np.zeros(1, np.int64), none, none, nothing, nothing)
    crowd = crowd_of(nobody, np.eye(3, dtype=np.float32))
    assert crowd.likes.shape == (0, 0)
