from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.topk import TopK
from serving.admission import Admission
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.catalogue import CatalogueFilter
from serving.deadline import Costs, Deadline
from serving.events import Event
from serving.ladder import Ladder, Wish
from serving.pipeline import StageReport
from serving.recommendation import Recommendation, Step
from serving.recommender import Recommender
from serving.store.item_journal import JournalEntry
from serving.vector_cache import VectorCache
from tests.bundles import item_id
from tests.serving.conftest import NOW_MS
from towers.history import HistoryBatch
from towers.query import Query

WISH = Wish(Query("viewer-003"), 10)


class BrokenIndex:
    def search(self, queries: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None) -> TopK:
        raise RuntimeError("the index is gone")


class BrokenScorer:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("the ranker is gone")


class Popularity:
    """Raises whatever is asked of it."""

    def __call__(self) -> NDArray[np.float64]:
        raise RuntimeError("counts are gone")


@pytest.fixture
def cached(tiny_bundle: Bundle) -> Recommender:
    return assemble(tiny_bundle, lambda: NOW_MS, Recommender.Config(vectors=VectorCache.Config()))


def slow(stage: str) -> Deadline:
    """Leaves time for everything but one stage."""
    costs = Costs()
    costs.observe([StageReport(stage, 0, 0, 1e9)])
    return Deadline(time.perf_counter() + 60, costs)


def test_each_failure_takes_the_next_rung(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = assemble(tiny_bundle, lambda: NOW_MS)
    steps = [Ladder(recommender).answer(WISH)]
    monkeypatch.setattr(recommender, "_scorer", BrokenScorer())
    steps.append(Ladder(recommender).answer(WISH))
    monkeypatch.setattr(recommender.shelf, "_index", BrokenIndex())
    steps.append(Ladder(recommender).answer(WISH))
    monkeypatch.setattr(recommender.state, "popularity", Popularity())
    monkeypatch.setattr(recommender.fallback, "_ordered_ms", -(10**15))
    steps.append(Ladder(recommender).answer(WISH))
    assert [answer.step for answer in steps] == [Step.FULL, Step.RETRIEVAL, Step.POPULARITY, Step.STATIC]
    assert [answer.degraded for answer in steps] == [False, True, True, True]
    assert all(len(set(answer.items)) == 10 for answer in steps)


def test_a_vector_that_is_not_finite_is_answered_by_popularity(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender = assemble(tiny_bundle, lambda: NOW_MS)
    nothing = np.full((1, tiny_bundle.item_vectors.shape[1]), np.nan, np.float32)
    monkeypatch.setattr(tiny_bundle.encoder, "encode_tokens", lambda *_: nothing)
    answer = Ladder(recommender).answer(WISH)
    assert answer.step is Step.POPULARITY
    assert len(answer.items) == 10


def test_what_does_not_fit_into_the_deadline_is_left_out(cached: Recommender) -> None:
    ladder = Ladder(cached)
    assert ladder.answer(WISH, slow("encode")).step is Step.POPULARITY
    full = ladder.answer(WISH)
    assert ladder.answer(WISH, slow("ranker")).step is Step.RETRIEVAL
    assert ladder.answer(WISH, slow("encode")).items == full.items, "the vector is at hand"
    cached.state.record(Event("viewer-003", item_id(5), NOW_MS - 5))
    late = ladder.answer(WISH, slow("encode"))
    assert late.step is Step.CACHED_VECTOR
    assert item_id(5) not in late.items


def test_a_stage_left_out_is_tried_again_some_day() -> None:
    deadline = slow("ranker")
    for _ in range(3000):
        if deadline.allows("ranker"):
            return
    raise AssertionError("one slow request was for ever")


def test_a_kept_vector_gives_the_same_answer_until_an_event_arrives(
    cached: Recommender, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = [recommender.recommend(WISH.query, 10) for _ in range(2)]
    kept = [cached.recommend(WISH.query, 10) for _ in range(2)]
    assert {answer.items for answer in (*fresh, *kept)} == {fresh[0].items}
    for each in (cached, recommender):
        each.state.record(Event("viewer-003", item_id(5), NOW_MS - 5))
    assert cached.recommend(WISH.query, 10).items == recommender.recommend(WISH.query, 10).items
    calls: list[int] = []
    encode = cached.bundle.encoder.encode_tokens

    def counted(batch: HistoryBatch, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        calls.append(len(batch.rows))
        return encode(batch, tokens)

    monkeypatch.setattr(cached.bundle.encoder, "encode_tokens", counted)
    for context in ({}, {"device": "tv"}, {}, {"device": "tv"}):
        cached.recommend(Query("viewer-003", context=context), 10)
    cached.recommend(Query("viewer-003", ts_ms=NOW_MS), 10)
    assert len(calls) == 4, "one vector is kept, for the newest moment, and none for a moment that was asked for"


@settings(deadline=None, max_examples=40)
@given(
    history=st.lists(st.integers(0, 59), max_size=40),
    exclude=st.lists(st.integers(0, 59), max_size=20),
    closed=st.lists(st.integers(0, 59), max_size=5),
    genres=st.sampled_from([(), ("Drama",), ("Comedy",)]),
    k=st.integers(1, 70),
)
def test_no_rung_answers_a_forbidden_item(
    tiny_bundle: Bundle, history: list[int], exclude: list[int], closed: list[int], genres: tuple[str, ...], k: int
) -> None:
    recommender = assemble(tiny_bundle, lambda: NOW_MS)
    recommender.shelf.put([JournalEntry(item_id(number), None, 1) for number in closed])
    query = Query(history=tuple(map(item_id, history)), exclude=tuple(map(item_id, exclude)))
    wish = Wish(query, k, CatalogueFilter(genres=genres))
    allowed = set(tiny_bundle.spec.vocabulary.ids(tiny_bundle.catalogue.rows(wish.within)))
    allowed -= {item_id(number) for number in (*history, *exclude, *closed)}
    answers: list[Recommendation] = [
        Ladder(recommender).answer(wish),
        Ladder(recommender).answer(wish, slow("encode")),
        Ladder(recommender).quick(wish),
        recommender.fallback.static(query, k, wish.within, filter_seen=True),
    ]
    for answer in answers:
        assert set(answer.items) <= allowed
        assert len(answer.items) == len(set(answer.items)) == min(k, len(allowed))


def test_admission_counts_what_waits_against_the_deadline() -> None:
    admission = Admission(threads=2)
    assert admission.admits(0.1)
    for _ in range(4):
        admission.enter()
    assert admission.admits(0.1), "nothing is known yet"
    admission.leave(0.01)
    for _ in range(7):
        admission.enter()
    assert not admission.admits(0.05)
    assert admission.admits(0.1)
    assert admission.admits(float("inf"))
    while admission.in_flight:
        admission.leave(0.01)
    assert admission.admits(0.001), "a free thread takes whatever comes"
