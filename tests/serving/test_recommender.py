from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ranking.arrangement import Arrangement
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.catalogue import CatalogueFilter
from serving.errors import RequestError
from serving.events import Event
from serving.query_reader import with_behaviour
from serving.recommender import Recommender
from tests.bundles import START_MS, TinyConfig, item_id, publish_tiny
from tests.serving.conftest import NOW_MS
from towers.history import Action, History
from towers.query import Query
from towers.vocabulary import NUM_RESERVED

NUM_ITEMS = TinyConfig.num_items
EVERY_ITEM = [item_id(number) for number in range(NUM_ITEMS)]

ids = st.lists(st.sampled_from([*EVERY_ITEM, "never heard of"]), max_size=25).map(tuple)
filters = st.builds(
    CatalogueFilter,
    genres=st.sampled_from([(), ("Drama",), ("Comedy", "Horror")]),
    exclude_genres=st.sampled_from([(), ("Horror",)]),
    maturity=st.sampled_from([(), ("all",)]),
)
queries = st.builds(
    Query,
    user_id=st.sampled_from([None, "viewer-003", "a stranger"]),
    history=st.one_of(st.none(), ids),
    ts_ms=st.sampled_from([None, NOW_MS]),
    context=st.sampled_from([{}, {"device": "tv"}, {"device": "toaster", "moon": "full"}]),
    exclude=ids,
)


def matches(number: int, within: CatalogueFilter) -> bool:
    """The tiny catalogue's rule, said a second time."""
    genres = ({"Drama"}, {"Comedy"}, {"Drama", "Horror"}, set[str]())[number % 4]
    maturity = ("all", "18")[number % 2]
    return (
        (not within.genres or bool(genres & set(within.genres)))
        and not genres & set(within.exclude_genres)
        and (not within.maturity or maturity in within.maturity)
    )


@pytest.mark.parametrize("max_overfetch", [0, 4096])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=queries,
    k=st.integers(1, 80),
    within=filters,
    filter_seen=st.booleans(),
    use_ranker=st.booleans(),
    arrangement=st.sampled_from([None, Arrangement(0.5, 0.5, 1, 0.3)]),
)
def test_every_list_holds_exactly_the_allowed_items_there_are(
    tiny_bundle: Bundle,
    max_overfetch: int,
    query: Query,
    k: int,
    within: CatalogueFilter,
    filter_seen: bool,
    use_ranker: bool,
    arrangement: Arrangement | None,
) -> None:
    recommender = assemble(tiny_bundle, lambda: NOW_MS, Recommender.Config(20, max_overfetch))
    answer = recommender.recommend(
        query, k, within=within, filter_seen=filter_seen, use_ranker=use_ranker, arrangement=arrangement
    )
    known = recommender.state.history(query.user_id).rows
    seen = tiny_bundle.spec.vocabulary.ids(known) if query.history is None else list(query.history)
    allowed = {item_id(number) for number in range(NUM_ITEMS) if matches(number, within)}
    allowed -= set(query.exclude) | (set(seen) if filter_seen else set())
    assert len(answer.items) == len(set(answer.items)) == min(k, len(allowed))
    assert set(answer.items) <= allowed
    assert arrangement or np.all(np.diff(answer.scores) <= 0)
    assert arrangement or set(answer.propensities) <= {1.0}
    assert len(answer.propensities) == len(answer.items)
    assert all(0 < chance <= 1 for chance in answer.propensities)
    assert np.isfinite(answer.scores).all()
    assert not answer.degraded


def test_what_is_left_to_chance_is_drawn_anew_each_moment_and_alike_when_asked_again(tiny_bundle: Bundle) -> None:
    recommender = assemble(tiny_bundle, lambda: NOW_MS, Recommender.Config(arrangement=Arrangement(exploration=1.0)))
    asked = [Query("viewer-003", ts_ms=NOW_MS + late) for late in range(30)]
    lists = [recommender.recommend(query, 5) for query in asked]
    assert recommender.recommend(asked[4], 5).items == lists[4].items
    firsts = {each.items[0]: each.propensities[0] for each in lists}
    assert len(firsts) > 1
    best = recommender.recommend(asked[0], 5, arrangement=Arrangement()).items[0]
    assert max(firsts, key=lambda item: firsts[item]) == best


def test_a_list_within_its_genres_suits_the_viewers_mix(tiny_bundle: Bundle) -> None:
    recommender = assemble(tiny_bundle, lambda: NOW_MS)
    dramas = tuple(item_id(number) for number in range(0, NUM_ITEMS, 4))[:4]
    genres = tiny_bundle.catalogue.genre_labels

    def share(arrangement: Arrangement) -> float:
        answer = recommender.recommend(Query(history=dramas, ts_ms=NOW_MS), 8, arrangement=arrangement)
        return sum("Drama" in genres[row] for row in answer.rows.tolist())

    assert share(Arrangement(taste_match=10.0)) > share(Arrangement())


def test_the_list_without_a_ranker_is_the_exact_order_of_the_towers(recommender: Recommender) -> None:
    query = Query(history=tuple(EVERY_ITEM[:5]), ts_ms=NOW_MS)
    answer = recommender.recommend(query, 10, use_ranker=False)
    scores = recommender.bundle.item_vectors @ _vector(recommender, query)
    scores[: NUM_RESERVED + 5] = -np.inf
    assert answer.rows.tolist() == np.argsort(-scores, kind="stable")[:10].tolist()
    assert answer.items == tuple(recommender.bundle.spec.vocabulary.ids(recommender.retrieve(query, 10).rows))


def test_a_bundle_without_a_ranker_answers_in_retrieval_order(bundle_without_ranker: Bundle) -> None:
    recommender = assemble(bundle_without_ranker, lambda: NOW_MS)
    query = Query(user_id="viewer-001")
    assert recommender.recommend(query, 10).rows.tolist() == recommender.retrieve(query, 10).rows.tolist()


def test_the_ranker_reorders_the_candidates_of_all_sources(recommender: Recommender) -> None:
    query = Query(history=(EVERY_ITEM[0],))
    for number in (40, 50):
        recommender.state.record(Event("viewer-002", EVERY_ITEM[number], NOW_MS - 1000))
    counts = {"towers": 5, "trending": 2}
    merged = recommender.gather(query, counts).merged
    assert merged.candidates.rows.tolist()[:5] == recommender.retrieve(query, 5).rows.tolist()
    assert merged.ranks[:5, 0].tolist() == [0, 1, 2, 3, 4]
    trending = recommender.state.items.rows([EVERY_ITEM[40], EVERY_ITEM[50]])
    assert set(merged.candidates.rows[merged.ranks[:, 1] < 2].tolist()) == set(trending.tolist())
    ranked = recommender.recommend(query, 40)
    assert ranked.rows.tolist() != recommender.retrieve(query, 40).rows.tolist()
    assert len(set(ranked.rows.tolist())) == 40


def test_a_set_of_candidates_is_scored_as_a_list_is(recommender: Recommender) -> None:
    query = Query(user_id="viewer-001")
    answer = recommender.recommend(query, 10)
    request = recommender.request(query)
    scored = recommender.score(request, answer.rows[::-1].copy())
    assert scored.rows.tolist() == answer.rows.tolist()
    np.testing.assert_allclose(scored.scores, answer.scores, rtol=1e-5)


def test_an_item_that_came_today_can_be_answered(recommender: Recommender) -> None:
    for number in range(30):
        recommender.state.record(Event(f"viewer-{number:03}", "brand new", NOW_MS - 30_000 + number))
    rows = recommender.gather(Query(user_id="viewer-044"), {"trending_fast": 1, "new": 1}).merged.candidates.rows
    assert recommender.state.items.ids(rows) == ["brand new"]
    answer = recommender.recommend(Query(user_id="viewer-044"), NUM_ITEMS + 1)
    assert "brand new" in answer.items
    assert "brand new" not in recommender.recommend(Query(user_id="viewer-003"), NUM_ITEMS + 1).items


def test_the_same_query_gives_the_same_answer(recommender: Recommender) -> None:
    query = Query(user_id="viewer-001", context={"device": "tv"})
    first, second = recommender.recommend(query, 10), recommender.recommend(query, 10)
    assert (first.items, first.scores) == (second.items, second.scores)


def test_context_changes_the_answer(recommender: Recommender) -> None:
    answers = {
        recommender.recommend(Query(user_id="viewer-001", context={"device": device}), 10).scores
        for device in ("tv", "phone", "toaster")
    }
    assert len(answers) == 3


def test_a_failing_tower_gives_popular_items_and_says_so(tiny_bundle: Bundle) -> None:
    tokens = tiny_bundle.item_tokens.copy()
    tokens[NUM_RESERVED] = np.nan
    recommender = assemble(tiny_bundle, lambda: NOW_MS)
    recommender = Recommender(replace(tiny_bundle, item_tokens=tokens), recommender.state, lambda: NOW_MS)
    answer = recommender.recommend(Query(history=(EVERY_ITEM[0],)), 5)
    shares = recommender.state.popularity().copy()
    shares[: NUM_RESERVED + 1] = -1
    assert answer.degraded
    assert answer.rows.tolist() == np.argsort(-shares, kind="stable")[:5].tolist()
    assert set(answer.reasons) == {"popular"}
    assert not recommender.recommend(Query(history=(EVERY_ITEM[1],)), 5).degraded


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_failing_ranker_leaves_retrieval_order_and_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("broken-ranker")
    bundle = Bundle.load(publish_tiny(out, TinyConfig(broken_ranker=True)))
    recommender = assemble(bundle, lambda: NOW_MS)
    answer = recommender.recommend(Query(user_id="viewer-001"), 10)
    assert answer.degraded
    assert answer.rows.tolist() == recommender.retrieve(Query(user_id="viewer-001"), 10).rows.tolist()
    assert np.isfinite(answer.scores).all()


def test_a_history_without_times_equals_one_that_ends_at_the_request(recommender: Recommender) -> None:
    ids = tuple(EVERY_ITEM[:4])
    times = tuple(NOW_MS - 1000 * (4 - place) for place in range(4))
    assert (
        recommender.recommend(Query(history=ids), 10).scores
        == recommender.recommend(Query(history=ids, history_ts_ms=times, ts_ms=NOW_MS), 10).scores
    )


def test_a_history_given_out_of_order_is_put_in_order(recommender: Recommender) -> None:
    given = Query(history=(EVERY_ITEM[2], EVERY_ITEM[1]), history_ts_ms=(NOW_MS - 1, NOW_MS - 9), ts_ms=NOW_MS)
    assert recommender.request(given).history.rows.tolist() == [3, 4]


def test_behaviour_known_of_a_given_event_is_used(recommender: Recommender) -> None:
    known = recommender.state.history("viewer-003")
    ids = recommender.bundle.spec.vocabulary.ids(known.rows)
    given = Query("viewer-003", tuple(ids), tuple(known.ts_ms.tolist()), NOW_MS)
    assert (
        recommender.recommend(given, 10).scores == recommender.recommend(Query("viewer-003", ts_ms=NOW_MS), 10).scores
    )
    other_times = replace(given, history_ts_ms=tuple((known.ts_ms + 1).tolist()))
    assert set(recommender.request(other_times).history.actions.tolist()) == {Action.UNKNOWN}


def test_behaviour_matches_by_item_and_time() -> None:
    known = _history([5, 6, 7, 6], [10, 20, 20, 30], [Action.LIKED, Action.CHOSEN, Action.LISTED, Action.DISLIKED])
    given = _history([6, 5, 7, 6, 8], [5, 10, 20, 30, 30])
    expected = [Action.UNKNOWN, Action.LIKED, Action.LISTED, Action.DISLIKED, Action.UNKNOWN]
    assert with_behaviour(given, known).actions.tolist() == expected


def test_a_query_of_the_past_sees_only_what_was_strictly_earlier(recommender: Recommender) -> None:
    recommender.state.record(Event("new viewer", EVERY_ITEM[0], START_MS))
    recommender.state.record(Event("new viewer", EVERY_ITEM[1], START_MS + 5))
    lengths = [
        len(recommender.request(Query("new viewer", ts_ms=ts_ms)).history.rows)
        for ts_ms in (START_MS, START_MS + 1, START_MS + 5, START_MS + 6, None)
    ]
    assert lengths == [0, 1, 1, 2, 2]


def test_the_whole_history_counts_as_seen_though_the_tower_reads_its_end(recommender: Recommender) -> None:
    history = tuple(EVERY_ITEM[:40])
    answer = recommender.recommend(Query(history=history), NUM_ITEMS)
    assert len(answer.items) == NUM_ITEMS - 40
    end = Query(history=history[-TinyConfig.max_length :])
    assert np.allclose(_vector(recommender, Query(history=history)), _vector(recommender, end), atol=1e-6)


def test_data_without_a_clock_answers_one_step_behind_the_history(tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("positions")
    recommender = assemble(Bundle.load(publish_tiny(out, TinyConfig(has_clock=False))), lambda: NOW_MS)
    known = recommender.state.history("viewer-003")
    assert recommender.request(Query("viewer-003")).ts_ms == known.ts_ms[-1] + 1000
    assert recommender.request(Query()).ts_ms == 0


def test_more_candidates_than_catalogue_and_one_item_are_fine(recommender: Recommender) -> None:
    assert len(recommender.recommend(Query(), 1000).items) == NUM_ITEMS
    assert len(recommender.recommend(Query(), 1).items) == 1


@pytest.mark.parametrize(
    ("query", "k", "within", "field"),
    [
        (Query(), 0, CatalogueFilter(), "k"),
        (Query(history=("a", "b"), history_ts_ms=(1,)), 5, CatalogueFilter(), "history_timestamps"),
        (Query(), 5, CatalogueFilter(genres=("Dramma",)), "filters.genres"),
        (Query(), 5, CatalogueFilter(exclude_genres=("x",)), "filters.exclude_genres"),
        (Query(), 5, CatalogueFilter(maturity=("x",)), "filters.maturity"),
    ],
)
def test_what_cannot_be_answered_names_its_field(
    recommender: Recommender, query: Query, k: int, within: CatalogueFilter, field: str
) -> None:
    with pytest.raises(RequestError) as caught:
        recommender.recommend(query, k, within=within)
    assert caught.value.field == field


def test_every_stage_reports(recommender: Recommender) -> None:
    answer = recommender.recommend(Query("viewer-003", exclude=(EVERY_ITEM[0],)), NUM_ITEMS)
    names = [stage.name for stage in answer.stages]
    assert names[:3] == ["encode", "towers", "rules"]
    assert names[-3:] == ["ranker", "popularity", "check"]
    assert all(stage.ms >= 0 for stage in answer.stages)
    assert answer.stages[-1].removed == 0


def test_similar_items_leave_out_the_item_itself(recommender: Recommender) -> None:
    found = recommender.similar(7, 5)
    scores = recommender.bundle.item_vectors @ recommender.bundle.item_vectors[7]
    scores[[0, 1, 7]] = -np.inf
    assert found.rows.tolist() == np.argsort(-scores, kind="stable")[:5].tolist()
    assert len(recommender.similar(7, 1000).rows) == NUM_ITEMS - 1


def _vector(recommender: Recommender, query: Query) -> NDArray[np.float32]:
    vector = recommender.request(query).vector
    assert vector is not None
    return vector


def _history(rows: Sequence[int], ts_ms: Sequence[int], actions: Sequence[int] | None = None) -> History:
    known = None if actions is None else np.array(actions, dtype=np.int8)
    return History.of(np.array(rows), np.array(ts_ms), known)
