from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from index.topk import Candidates
from ranking.newcomer import Newcomer
from serving.events import ONBOARDING, Event
from serving.page.homepage import Homepage
from serving.page.newcomer import BAG_WEIGHT, MOST, NewcomerOdds, blended, share_of
from serving.page.onboarding import num_answers
from serving.recommender import Recommender
from tests.bundles import item_id
from tests.serving.conftest import NOW_MS
from towers.bag import BagTables
from towers.query import Query
from towers.schema import EventType


def answer(recommender: Recommender, number: int, user_id: str = "newcomer") -> None:
    event = Event(user_id, item_id(number), NOW_MS - 1000 + number, EventType.THUMB_UP)
    recommender.state.record(event._replace(row_id=ONBOARDING, row_type=ONBOARDING))


def test_a_like_lifts_what_is_alike(recommender: Recommender) -> None:
    odds, rows = NewcomerOdds.of(recommender.bundle, Newcomer()), np.arange(3, 60)
    before = odds(recommender.request(Query("newcomer", ts_ms=NOW_MS)), rows)
    answer(recommender, 0)
    after = odds(recommender.request(Query("newcomer", ts_ms=NOW_MS)), rows)
    vectors = recommender.state.items.vectors(np.arange(60))
    assert np.corrcoef(after - before, vectors[rows] @ vectors[2])[0, 1] > 0.9


def test_items_that_came_since_have_the_least_prior(recommender: Recommender) -> None:
    odds = NewcomerOdds(Newcomer(), np.array([0.0, 0.0, 3.0, 1.0]), np.zeros(8, np.float32))
    assert odds(recommender.request(Query("newcomer", ts_ms=NOW_MS)), np.array([2, 3, 500])).tolist() == [3, 1, 0]


def test_the_bag_of_likes_speaks_where_the_bundle_has_tables(recommender: Recommender) -> None:
    answer(recommender, 0)
    request, rows = recommender.request(Query("newcomer", ts_ms=NOW_MS)), np.array([3, 4, 500])
    without = NewcomerOdds(Newcomer(), np.zeros(60), np.zeros(8, np.float32))
    reading, answering = np.zeros((60, 1), np.float32), np.zeros((60, 1), np.float32)
    reading[2], answering[4] = 0.5, 1.0
    more = replace(without, bag=BagTables(reading, answering))(request, rows) - without(request, rows)
    assert more == pytest.approx([0, 0.5 * BAG_WEIGHT, 0])


def test_watching_supersedes_answers() -> None:
    shares = [share_of(3, 3 + watched) for watched in range(MOST + 1)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0 < shares[0] < 1
    assert share_of(0, 0) == share_of(0, 7) == 0


def test_scores_are_handed_out_in_the_order_of_both() -> None:
    scored = Candidates(np.array([7, 8, 9]), np.array([0.9, 0.5, 0.1], np.float32), np.zeros(3, np.int8))
    wholly = blended(scored, np.array([0.0, 1.0, 2.0]), 1.0)
    assert wholly.rows.tolist() == [9, 8, 7]
    assert wholly.scores.tolist() == scored.scores.tolist()
    assert blended(scored, np.array([0.0, 1.0, 2.0]), 0.0).rows.tolist() == [7, 8, 9]
    broken = scored._replace(scores=np.full(3, np.nan, np.float32))
    assert blended(broken, np.array([0.0, 1.0, 2.0]), 1.0) is broken


def test_who_answered_is_heard_and_nobody_else(home: Homepage) -> None:
    answer(home.recommender, 4)
    request = home.recommender.request(Query("newcomer", ts_ms=NOW_MS))
    scored = home.recommender.score(request, np.arange(8, 60))
    assert home.onboarding.heard(request, scored, 0) is scored
    heard = home.onboarding.heard(request, scored, 1)
    assert sorted(heard.rows.tolist()) == sorted(scored.rows.tolist())
    assert heard.rows.tolist() != scored.rows.tolist()
    assert num_answers(home.live.of("newcomer")) == 1
    assert num_answers(home.live.of("a stranger")) == 0
