from __future__ import annotations

from typing import Any

import numpy as np

from tests.training.simulator.moments import evenings
from training.simulator.watching import Started, Watched, watch
from training.simulator.world import World


def watched(world: World, **changes: Any) -> Watched:
    """Every viewer watches title 5."""
    sessions = evenings(world)
    count = len(sessions.viewer)
    started = Started(
        items=np.full(count, 5),
        utility=np.zeros(count),
        is_bait=np.zeros(count, dtype=np.bool_),
        episode=np.zeros(count, dtype=np.int64),
        from_share=np.zeros(count),
    )
    return watch(world, world.draws(), sessions, started._replace(**changes))


def test_what_is_liked_is_watched_for_longer(world: World) -> None:
    few, many = (watched(world, utility=np.full(len(world.viewers.rate), worth)) for worth in (-1.0, 2.0))
    assert many.share.mean() > few.share.mean() + 0.1
    assert np.all(many.share >= few.share)
    assert many.gain.mean() > few.gain.mean()


def test_clickbait_is_left_early(world: World) -> None:
    bait = watched(world, is_bait=np.ones(len(world.viewers.rate), dtype=np.bool_))
    assert bait.share.mean() < watched(world).share.mean() - 0.1


def test_a_sitting_begins_where_the_last_one_ended(world: World) -> None:
    resumed = watched(world, from_share=np.full(len(world.viewers.rate), 0.5))
    assert resumed.share.min() > 0.5
    assert resumed.share.max() <= 1
    assert np.all(resumed.watch_s <= 0.5 * resumed.duration_s + 1e-6)


def test_only_a_finished_episode_is_followed_by_another(world: World) -> None:
    series = int(world.titles.num_episodes.argmax())
    count = len(world.viewers.rate)
    seen = watched(world, items=np.full(count, series), utility=np.full(count, 2.0))
    assert seen.extra.max() > 0
    assert not seen.extra[seen.share < 1].any()
    last = np.full(count, world.titles.num_episodes[series] - 1)
    assert not watched(world, items=np.full(count, series), utility=np.full(count, 2.0), episode=last).extra.any()
