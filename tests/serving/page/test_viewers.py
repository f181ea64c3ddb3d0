"""What live events say of viewers, and what is forgotten when there are too many of them."""

from __future__ import annotations

from serving.events import Event
from serving.page.viewers import NOBODY, LiveViewers
from towers.schema import EventType


def shown(user_id: str, ts_ms: int, item_id: str = "a") -> Event:
    return Event(user_id, item_id, ts_ms, EventType.IMPRESSION, variant_id="2.1", propensity=0.5)


def test_the_viewer_heard_of_longest_ago_loses_what_was_shown() -> None:
    viewers = LiveViewers(most_viewers=2)
    for ts_ms, user_id in enumerate(["ann", "bob", "ann", "cid"]):
        viewers.observe(shown(user_id, ts_ms))
    assert viewers.of("bob") is NOBODY
    assert viewers.of("ann").shown
    assert viewers.of("cid").shown


def test_what_was_said_once_and_for_all_outlasts_any_number_of_viewers() -> None:
    viewers = LiveViewers(most_events=3, most_viewers=1)
    viewers.observe(Event("ann", "a", 1, EventType.NOT_INTERESTED))
    viewers.observe(shown("ann", 2, "b"))
    for ts_ms in range(3, 10):
        viewers.observe(shown("ann", ts_ms, "c"))
        viewers.observe(shown(f"viewer-{ts_ms}", ts_ms))
    ann = viewers.of("ann")
    assert ann.refused == {"a": 1}
    assert ann.shown == {}


def test_a_viewer_who_asks_to_be_forgotten_leaves_nothing() -> None:
    viewers = LiveViewers()
    viewers.observe(Event("ann", "a", 1, EventType.NOT_INTERESTED))
    viewers.observe(shown("ann", 2))
    assert viewers.of("ann").refused
    viewers.forget("ann")
    assert viewers.of("ann") is NOBODY
