from __future__ import annotations

import numpy as np

from ranking.watch_details import WatchDetails
from towers.schema import EventType

ROWS = np.array([3, 4, 3])


def noted() -> WatchDetails:
    details = WatchDetails()
    details.note("ann", 3, EventType.PAUSE)
    details.note("ann", 3, EventType.PAUSE)
    details.note("ann", 4, EventType.NEXT_EPISODE_AUTO, times=5)
    details.note("bob", 3, EventType.PAUSE)
    return details


def test_what_happened_stands_at_the_newest_play_of_a_title() -> None:
    pauses, episodes = noted().of("ann", ROWS)
    assert (pauses.tolist(), episodes.tolist()) == ([0, 0, 2], [0, 5, 0])
    assert all(not counts.any() for counts in noted().of(None, ROWS))


def test_what_is_forgotten_never_happened() -> None:
    details = noted()
    details.forget("ann", 3)
    assert details.of("ann", ROWS).pauses.tolist() == [0, 0, 0]
    details.forget("ann")
    details.forget("nobody", 3)
    assert details.of("ann", ROWS).episodes.tolist() == [0, 0, 0]
    assert details.of("bob", ROWS).pauses.tolist() == [0, 0, 1]


def test_counts_go_on_from_what_was_kept() -> None:
    kept, again = noted(), WatchDetails()
    again.restore(kept.state(), kept.viewers().tolist())
    again.note("bob", 3, EventType.PAUSE)
    assert again.of("ann", ROWS).pauses.tolist() == [0, 0, 2]
    assert again.of("bob", ROWS).pauses.tolist() == [0, 0, 2]
    empty = WatchDetails()
    again.restore(empty.state(), empty.viewers().tolist())
    assert again.of("ann", ROWS).pauses.tolist() == [0, 0, 0]
