from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.popularity import DecayedCounts
from ranking.signals import LiveSignals
from serving.events import Event
from serving.items import ItemTable
from serving.recommender import Recommender
from serving.state import LiveState, half_life_s
from serving.store.digest import digest
from tests.bundles import item_id
from towers.features import FeatureSpec
from towers.history import Action, Histories
from towers.schema import EventType
from towers.vocabulary import Vocabulary

ITEMS = Vocabulary.fit(["a", "b", "c"])
SPEC = FeatureSpec(ITEMS, max_length=5)
VIEWERS = Vocabulary.fit(["ann", "bob"])
A, B, C = 2, 3, 4


def fresh(num_event_ids: int = 100, half_life_s: float = math.inf) -> LiveState:
    """Ann did a at 10 and b at 20, Bob nothing."""
    base = Histories(
        np.array([0, 2, 2]),
        np.array([A, B]),
        np.array([10, 20]),
        np.full(2, Action.LIKED, np.int8),
        np.zeros(2, np.int8),
    )
    counts = DecayedCounts.resume(np.array([0, 0, 1.0, 1, 0]), 20, half_life_s)
    items = ItemTable(ITEMS, np.zeros((5, 2), dtype=np.float32))
    signals = LiveSignals(LiveSignals.Config(), 5, SPEC.context_sizes, SPEC.has_clock)
    return LiveState(SPEC, items, VIEWERS, base, counts, signals, num_event_ids)


def test_live_events_follow_those_of_the_bundle() -> None:
    state = fresh()
    assert state.record(Event("ann", "c", 30, EventType.THUMB_DOWN))
    history = state.history("ann")
    assert history.rows.tolist() == [A, B, C]
    assert history.actions.tolist() == [Action.LIKED, Action.LIKED, Action.DISLIKED]


@given(st.permutations(range(6)))
def test_late_events_end_in_time_order(order: list[int]) -> None:
    state = fresh()
    for ts_ms in order:
        state.record(Event("ann", "c", ts_ms * 10 + 1))
    assert np.all(np.diff(state.history("ann").ts_ms) >= 0)
    assert len(state.history("ann").rows) == 8


def test_an_event_delivered_twice_counts_once() -> None:
    state = fresh()
    event = Event("bob", "c", 30, event_id="e1")
    assert [state.record(event), state.record(event)] == [True, False]
    assert len(state.history("bob").rows) == 1
    assert state.popularity()[C] == pytest.approx(1 / 3)


def test_only_so_many_event_ids_are_remembered() -> None:
    state = fresh(num_event_ids=2)
    for name in ("e1", "e2", "e3"):
        state.record(Event("bob", "c", 30, event_id=name))
    assert state.record(Event("bob", "c", 30, event_id="e1"))
    assert not state.record(Event("bob", "c", 30, event_id="e3"))


def test_events_that_say_nothing_of_taste_change_nothing() -> None:
    state = fresh()
    before = state.popularity()
    assert not state.record(Event("ann", "c", 30, EventType.IMPRESSION))
    assert not state.record(Event("ann", "unheard of", 30, EventType.LIST_ADD))
    assert len(state.history("ann").rows) == 2
    assert np.array_equal(before, state.popularity())


def test_an_unknown_viewer_has_an_empty_history_until_the_first_event() -> None:
    state = fresh()
    assert len(state.history("zoe").rows) == len(state.history(None).rows) == 0
    state.record(Event("zoe", "a", 5))
    assert state.history("zoe").rows.tolist() == [A]


def test_popularity_fades_and_dislikes_are_no_choices() -> None:
    state = fresh(half_life_s=1)
    state.record(Event("bob", "c", 1020))
    assert state.popularity()[[A, B, C]] == pytest.approx([0.25, 0.25, 0.5])
    state.record(Event("bob", "a", 1020, EventType.THUMB_DOWN))
    assert state.popularity()[[A, B, C]] == pytest.approx([0.25, 0.25, 0.5])


def test_positions_do_not_fade() -> None:
    assert half_life_s(LiveState.Config(half_life_s=5), has_clock=False) == math.inf
    assert half_life_s(LiveState.Config(half_life_s=5), has_clock=True) == 5


def test_an_unknown_item_that_is_chosen_becomes_one_of_the_items() -> None:
    state = fresh()
    assert state.record(Event("ann", "new", 30))
    row = int(state.items.rows(["new"])[0])
    assert row == state.items.num_base == 5
    assert state.items.ids(np.array([A, row])) == ["a", "new"]
    assert state.history("ann").rows.tolist() == [A, B, row]
    assert state.popularity()[row] == pytest.approx(1 / 3)
    assert not state.items.has_vector(np.array([row]))[0]
    state.record(Event("bob", "new", 40))
    assert state.items.num_rows == row + 1
    assert state.signals.transitions.after(B).rows.tolist() == [row]
    assert state.signals.first_ms(np.array([row])) == pytest.approx(30)


def test_a_stop_says_what_became_of_the_play(recommender: Recommender) -> None:
    state, item = recommender.state, item_id(4)
    state.record(Event("v", item, 1000, EventType.PLAY))
    state.record(Event("v", item, 2000, EventType.STOP, watch_s=5, duration_s=100))
    history = state.history("v")
    assert history.actions.tolist() == [Action.ABANDONED]
    assert history.shares.tolist() == [1]


def test_listeners_hear_of_every_event_once(recommender: Recommender) -> None:
    heard: list[Event] = []

    class Listening:
        def observe(self, event: Event) -> None:
            heard.append(event)

        def forget(self, user_id: str) -> None:
            heard.clear()

    recommender.state.tell(Listening())
    for _ in range(2):
        recommender.state.record(Event("v", "", 5, EventType.SEARCH, event_id="once"))
    assert len(heard) == 1
    recommender.state.record(Event("v", item_id(1), 6, EventType.PLAY))
    recommender.state.forget(digest("v"))
    assert heard == []


def test_a_forgotten_viewer_leaves_the_impressions_that_came_with_the_bundle() -> None:
    bundled = fresh()
    bundled.signals.show("ann", C, 25)
    parts = (bundled.items, VIEWERS, bundled._histories, bundled._counts, bundled.signals)
    state = LiveState(SPEC, *parts)
    assert state.signals.exposure.passed_of("ann", np.array([C])).tolist() == [1]
    state.forget(digest("ann"))
    assert state.signals.exposure.passed_of("ann", np.array([C])).tolist() == [0]
    assert len(state.history("ann").rows) == 0


def test_what_was_taken_back_was_never_shown() -> None:
    state, rows = fresh(), np.array([A, B, C])
    for item in ("a", "b", "c", "c"):
        state.record(Event("ann", item, 30, EventType.IMPRESSION))
    state.record(Event("ann", "c", 40, EventType.REMOVE_FROM_HISTORY))
    assert state.signals.exposure.passed_of("ann", rows).tolist() == [1, 1, 0]
    state.record(Event("ann", "", 50, EventType.RESET))
    assert not state.signals.exposure.passed_of("ann", rows).any()
