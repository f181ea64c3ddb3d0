"""A bundle serves simulated viewers through the path that serves real ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from ranking.candidate_features import SLATE_SCORE, WATCH_SCORE
from ranking.habits import HABITS
from ranking.value import ValueWeights
from ranking.watch_details import DETAILS
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.scorer import RankerCard
from towers.schema import HISTORY_EVENTS
from training.simulator.bundle_policy import BundlePolicy, later_events
from training.simulator.closed_loop import LoopConfig, bundle_policy, closed_loop
from training.simulator.draws import Draws
from training.simulator.log import Simulated
from training.simulator.policies import Pages, Policy, Request
from training.simulator.state import State

LOOP = LoopConfig(days=3, num_viewers=80)


class Watched(BundlePolicy):
    """Notes the pages that were asked for."""

    asked: list[tuple[Request, Pages]]

    def pages(self, request: Request, num_slots: int) -> Pages:
        pages = super().pages(request, num_slots)
        self.asked.append((request, pages))
        return pages


@pytest.fixture(scope="module")
def watched(tiny: Simulated, bundle: Bundle) -> Watched:
    recommender = assemble(bundle)
    for event in later_events(tiny.events, bundle.manifest.trained_until_ms):
        recommender.state.record(event)
    policy = Watched(recommender, tiny.world, "watched")
    policy.asked = []

    def maker(simulated: Simulated, state: State, draws: Draws) -> Policy:
        return policy

    closed_loop(tiny, maker, (1,), LOOP)
    return policy


def test_histories_of_server_and_world_agree(watched: Watched) -> None:
    """Every title that the world counts as seen is one that the server filters, so no page holds a seen title."""
    assert watched.asked
    for request, pages in watched.asked:
        assert np.take_along_axis(request.allowed, pages.items, axis=1).all()


def test_the_server_hears_of_events_after_its_training(tiny: Simulated, bundle: Bundle) -> None:
    until = bundle.manifest.trained_until_ms
    later = list(later_events(tiny.events, until))
    table = pq.read_table(tiny.events, columns=["event", "ts_ms"]).to_pandas()
    told = table[table["event"].isin([str(event) for event in (*HISTORY_EVENTS, *DETAILS)]) & (table["ts_ms"] > until)]
    assert len(later) == len(told) > 0
    assert [event.ts_ms for event in later] == sorted(event.ts_ms for event in later)


def test_ranker_and_towers_are_judged_apart_and_repeatably(tiny: Simulated, bundle: Bundle) -> None:
    ranked, again = (closed_loop(tiny, bundle_policy(bundle), (1,), LOOP) for _ in range(2))
    towers = closed_loop(tiny, bundle_policy(bundle, use_ranker=False), (1,), LOOP)
    assert ranked.metrics() == again.metrics()
    assert (ranked.policy, towers.policy) == ("towers + ranker", "towers")


def test_a_bundle_learns_from_the_pages_that_viewers_saw(bundle: Bundle) -> None:
    card = RankerCard.load(bundle.folder)
    assert bundle.slates is not None
    assert SLATE_SCORE in card.candidates
    assert set(card.weights) >= {"chosen", "complete", "abandon", "time", "not_interested"}


def test_a_bundle_of_a_log_and_lengths_knows_how_viewers_watch(bundle: Bundle) -> None:
    card = RankerCard.load(bundle.folder)
    assert {"lean_pauses", "lean_short_form", "comes_evening", "usual_hour_log"} <= set(card.request)
    assert {"longer", "is_series"} <= set(card.candidates)
    assert bundle.behaviour is not None
    paused = dict(zip(HABITS, bundle.behaviour.population.habits, strict=True))["pauses"].mean[0]
    assert 0.05 < paused < 0.5


def test_a_bundle_says_what_each_action_counts_and_knows_what_is_watched(bundle: Bundle) -> None:
    card = RankerCard.load(bundle.folder)
    assert bundle.watching is not None
    assert WATCH_SCORE in card.candidates
    assert bundle.manifest.value_weights == card.weights == ValueWeights().of(tuple(card.weights))
    assert card.weights["abandon"] < 0 < card.weights["chosen"]


def test_what_was_shown_is_told_to_the_server(watched: Watched) -> None:
    request, pages = watched.asked[0]
    state = watched.recommender.state
    shown = state.items.rows([f"t{title:05d}" for title in pages.items[0]])
    viewer = f"p{request.sessions.profile[0]:06d}"
    assert state.signals.exposure.passed_of(viewer, shown).sum() > 0


def test_a_play_changes_the_next_page_of_the_session(watched: Watched) -> None:
    first = {who: page for who, visit, page in by_session(watched) if visit == 0}
    second = [(first[who], page) for who, visit, page in by_session(watched) if visit == 1]
    assert second
    assert all(not np.array_equal(before, after) for before, after in second)


def by_session(policy: Watched) -> Iterator[tuple[tuple[int, int], int, NDArray[np.int64]]]:
    """Viewer and number of the session, visit and page."""
    for request, pages in policy.asked:
        sessions = zip(request.sessions.viewer.tolist(), request.sessions.number.tolist(), strict=True)
        for who, page in zip(sessions, pages.items, strict=True):
            yield who, request.visit, page
