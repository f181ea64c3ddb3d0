from __future__ import annotations

import numpy as np

from ranking.completion_guard import CompletionGuard


def guard(plays: int, shares: list[float]) -> CompletionGuard:
    """One title whose variants were each played so often, and watched to these shares on average."""
    rng, found = np.random.default_rng(0), CompletionGuard(1, len(shares))
    for variant, share in enumerate(shares):
        watched = np.clip(rng.normal(share, 0.2, plays), 0, 1)
        found.update(np.zeros(plays, np.int64), np.full(plays, variant), watched)
    return found


def test_bait_is_let_go_and_the_others_stay() -> None:
    assert guard(100, [0.5, 0.5, 0.5, 0.2]).allowed(np.array([0])).tolist() == [[True, True, True, False]]


def test_few_plays_prove_nothing() -> None:
    assert guard(2, [0.5, 0.5, 0.5, 0.3]).allowed(np.array([0])).all()
    assert CompletionGuard(3, 4).allowed(np.arange(3)).all()


def test_something_may_always_be_shown() -> None:
    assert guard(1000, [0.1, 0.1, 0.1]).allowed(np.array([0])).any()


def test_the_title_itself_may_be_bad() -> None:
    """Only what is worse than the title's other variants is let go."""
    assert guard(200, [0.1, 0.1, 0.1, 0.1]).allowed(np.array([0])).sum() >= 2
