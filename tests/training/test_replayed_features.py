"""What the ranker saw while serving is what it sees when the log is replayed: bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ranking.features import RankerInput
from ranking.value import ValueModel
from ranking.watch_details import DETAILS
from serving.assembly import assemble, blank_moment
from serving.bundle import Bundle
from serving.events import Event
from serving.recommender import Recommender
from serving.scorer import RankerCard, RankerScorer
from tests.bundles import START_MS, TinyConfig, item_id, publish_tiny
from towers.query import Query
from towers.schema import EventType
from training.replay import Replay, in_time_order

NOW_MS = START_MS + 50_000_000
VIEWERS = [f"viewer-{number:03d}" for number in range(5)] + ["newcomer"]


class Remembers:
    """An action model that keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[RankerInput] = []

    def logits(self, given: RankerInput) -> NDArray[np.float32]:
        """The first feature."""
        self.given.append(given)
        return given.candidates[:, :1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.load(publish_tiny(tmp_path_factory.mktemp("replayed"), TinyConfig(has_behaviour=True)))


def table(seed: int = 0, size: int = 150) -> pd.DataFrame:
    """Plays with all that happens within them, and impressions, of old and new items, some at the same moment."""
    rng = np.random.default_rng(seed)
    items = [item_id(number) for number in range(20)] + ["new-a", "new-b"]
    kinds = [str(EventType.PLAY)] * 3 + [str(kind) for kind in (EventType.IMPRESSION, EventType.THUMB_DOWN, *DETAILS)]
    return pd.DataFrame(
        {
            "user_id": rng.choice(VIEWERS, size),
            "item_id": rng.choice(items, size),
            "ts_ms": NOW_MS + np.sort(rng.integers(0, 40, size)) * 60_000,
            "event": rng.choice(kinds, size),
            "device": rng.choice(["phone", "tv", "fridge"], size),
            "watch_s": rng.integers(0, 100, size).astype(np.float64),
            "duration_s": 100.0,
        }
    )


def remembering(bundle: Bundle) -> tuple[Recommender, Remembers]:
    model = Remembers()
    recommender = assemble(bundle, lambda: NOW_MS)
    card = RankerCard.load(bundle.folder)
    features = card.features(bundle.spec, blank_moment(bundle, recommender.state))
    scorer = RankerScorer(features, model, ValueModel(card.weights), card.sources)
    return Recommender(bundle, recommender.state, lambda: NOW_MS, scorer=scorer), model


def queries() -> Iterator[tuple[int, Query]]:
    for number, ts_ms in enumerate(range(NOW_MS, NOW_MS + 41 * 60_000, 150_000)):
        viewer = VIEWERS[number % len(VIEWERS)]
        yield number, Query(user_id=viewer, ts_ms=ts_ms, context={"device": "tv"})


def test_replayed_features_equal_those_of_serving_bit_for_bit(bundle: Bundle) -> None:
    events = table()
    serving, served = remembering(bundle)
    rows = iter(events.to_dict("records"))
    waiting = next(rows, None)
    for _, query in queries():
        while waiting is not None and query.ts_ms is not None and waiting["ts_ms"] < query.ts_ms:
            told = Event(waiting["user_id"], waiting["item_id"], waiting["ts_ms"], EventType(waiting["event"]))
            watched = {name: waiting[name] for name in ("watch_s", "duration_s")}
            serving.state.record(told._replace(context={"device": waiting["device"]}, **watched))
            waiting = next(rows, None)
        serving.recommend(query, 10)
    again, replayed = remembering(bundle)
    replay = Replay(in_time_order(events, again.state.columns), again.state)
    for _, query in replay.before_each(queries()):
        again.recommend(query, 10)
    assert len(served.given) == len(replayed.given) > 10
    for one, two in zip(served.given, replayed.given, strict=True):
        assert all(np.array_equal(first, second) for first, second in zip(one, two, strict=True))
    assert serving.state.items.num_rows == bundle.spec.vocabulary.num_rows + 2


def test_habits_and_lengths_are_among_what_is_replayed(bundle: Bundle) -> None:
    card = RankerCard.load(bundle.folder)
    habits = ("binge", "short_form", "pauses", "completion", "exploration")
    assert {*(f"lean_{habit}" for habit in habits), "comes_night", "usual_hour_log"} <= set(card.request)
    assert {"longer", "is_series", "longer_for_short_form"} <= set(card.candidates)
    serving, served = remembering(bundle)
    query = Query(user_id=VIEWERS[0], ts_ms=NOW_MS)
    serving.recommend(query, 10)
    for row in range(4):
        play = Event(VIEWERS[0], item_id(2 * row), NOW_MS - 5000, EventType.PLAY, watch_s=90.0, duration_s=100.0)
        serving.state.record(play)
        serving.state.record(play._replace(event=EventType.PAUSE, ts_ms=NOW_MS - 4000))
    serving.recommend(query, 10)
    before, after = (dict(zip(card.request, given.request, strict=True)) for given in served.given)
    changed = {name for name in before if name.startswith("lean_") and before[name] != after[name]}
    assert {"lean_pauses", "lean_completion", "lean_short_form"} <= changed


def test_state_that_was_told_more_sees_other_features(bundle: Bundle, tmp_path: Path) -> None:
    first, served = remembering(bundle)
    second, told = remembering(bundle)
    second.state.record(Event("viewer-009", item_id(3), NOW_MS - 1000))
    query = Query(user_id="viewer-001", ts_ms=NOW_MS)
    first.recommend(query, 10)
    second.recommend(query, 10)
    assert not np.array_equal(served.given[0].candidates, told.given[0].candidates)
