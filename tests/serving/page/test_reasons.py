"""A row's reason says what the viewer really did."""

from __future__ import annotations

import numpy as np

from serving.page.row_makers import _is_watched
from towers.history import Action, History


def test_a_title_that_was_only_liked_was_not_watched() -> None:
    rows, ts_ms = np.array([2, 3, 4, 4]), np.arange(4)
    actions = np.array([Action.LIKED, Action.LIKED, Action.LIKED, Action.CHOSEN], dtype=np.int8)
    history = History(rows, ts_ms, actions, np.array([0, 9, 0, 0], dtype=np.int8))
    assert [_is_watched(history, row) for row in (2, 3, 4)] == [False, True, True]
