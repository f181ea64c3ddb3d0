"""The contract that every baseline passes, and what each of them alone must do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.training.evaluation.worlds import DAY_MS, histories_of, history_of, queries_of, ring
from towers.history import EMPTY_HISTORY
from training.evaluation.baselines.base import Baseline
from training.evaluation.baselines.ease import EASE, CatalogueError
from training.evaluation.baselines.item_knn import ItemKNN
from training.evaluation.baselines.popularity import LatestPopularity, Popularity, RecentPopularity
from training.evaluation.baselines.sequential_rules import SequentialRules, TransitionConfig
from training.evaluation.baselines.standard import standard_baselines
from training.evaluation.evaluator import evaluate_scores
from training.evaluation.metrics import hits

Make = Callable[[], Baseline]

ALL: dict[str, Make] = {
    "popularity": Popularity,
    "recent popularity": RecentPopularity,
    "latest popularity": LatestPopularity,
    "ItemKNN": ItemKNN,
    "ItemKNN recent": lambda: ItemKNN(ItemKNN.Config(tau=2.0)),
    "EASE": lambda: EASE(EASE.Config(penalty=10.0)),
    "EASE recent": lambda: EASE(EASE.Config(penalty=10.0, tau=3.0)),
    "sequential rules": SequentialRules,
}
PERSONAL = [name for name in ALL if "popularity" not in name]
NUM_ITEMS = 40
NUM_ROWS = NUM_ITEMS + 2

every_baseline = pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())


@pytest.fixture(scope="module")
def viewers() -> list[list[int]]:
    return ring(400, NUM_ITEMS, 12, np.random.default_rng(0))


@every_baseline
def test_a_query_alone_is_scored_as_in_any_batch(make: Make, viewers: list[list[int]]) -> None:
    baseline = make().fit(histories_of(viewers), NUM_ROWS)
    asked = [history_of(viewer) for viewer in viewers[:30]]
    times = np.full(30, 20 * DAY_MS)
    together = baseline.score(asked, times)
    alone = np.concatenate([baseline.score([history], times[:1]) for history in asked])
    assert together.shape == (30, NUM_ROWS)
    assert together.dtype == np.float32
    assert np.array_equal(together, alone)


@every_baseline
def test_unseen_viewers_empty_histories_and_unknown_items_get_finite_scores(
    make: Make, viewers: list[list[int]]
) -> None:
    baseline = make().fit(histories_of([*viewers, []]), NUM_ROWS)
    asked = [EMPTY_HISTORY, history_of([5]), history_of([0, 1, 1]), history_of([7, 7, 7, 1, 8])]
    scores = baseline.score(asked, np.full(4, 99 * DAY_MS))
    assert np.isfinite(scores).all()
    assert np.array_equal(scores[0], scores[2])


@every_baseline
def test_training_without_events_gives_finite_scores(make: Make) -> None:
    baseline = make().fit(histories_of([[]]), 5)
    assert np.isfinite(baseline.score([EMPTY_HISTORY, history_of([3])], np.zeros(2, dtype=np.int64))).all()


@every_baseline
def test_block_sizes_change_no_figure(make: Make, viewers: list[list[int]]) -> None:
    baseline = make().fit(histories_of(viewers), NUM_ROWS)
    asked = [history_of(viewer[:-1]) for viewer in viewers[:60]]
    queries = queries_of(asked, [viewer[-1] for viewer in viewers[:60]])
    results = [evaluate_scores("any", baseline, queries, NUM_ROWS, block_size=size) for size in (1, 7, 1000)]
    for result in results[1:]:
        assert np.array_equal(result.ranks, results[0].ranks)
        assert np.array_equal(result.top, results[0].top)


@pytest.mark.parametrize("name", PERSONAL)
def test_the_planted_neighbours_are_recovered(name: str, viewers: list[list[int]]) -> None:
    baseline = ALL[name]().fit(histories_of(viewers), NUM_ROWS)
    asked = [history_of([2 + (start + step) % NUM_ITEMS for step in range(4)]) for start in range(NUM_ITEMS)]
    queries = queries_of(asked, [2 + (start + 4) % NUM_ITEMS for start in range(NUM_ITEMS)])
    ranks = evaluate_scores(name, baseline, queries, NUM_ROWS).ranks
    assert hits(ranks, 2).mean() > 0.9


def test_sequential_rules_know_the_direction_and_the_cosine_does_not(viewers: list[list[int]]) -> None:
    asked, targets = [history_of([10])], [11]
    rules = SequentialRules().fit(histories_of(viewers), NUM_ROWS)
    assert evaluate_scores("rules", rules, queries_of(asked, targets), NUM_ROWS).ranks[0] == 1
    scores = ItemKNN().fit(histories_of(viewers), NUM_ROWS).score(asked, np.zeros(1, dtype=np.int64))[0]
    assert scores[9] > 0.8 * scores[11]


def test_popularity_counts_all_events_recent_fades_them_latest_takes_one_a_viewer() -> None:
    training = histories_of([[2, 2, 3], [2, 4], [2, 4]], [[0, 1, 90 * DAY_MS], [2, 90 * DAY_MS], [3, 90 * DAY_MS]])
    now = np.zeros(1, dtype=np.int64)
    assert Popularity().fit(training, 5).score([EMPTY_HISTORY], now)[0].tolist() == [0, 0, 4, 1, 2]
    assert LatestPopularity().fit(training, 5).score([EMPTY_HISTORY], now)[0].tolist() == [0, 0, 0, 1, 2]
    recent = RecentPopularity().fit(training, 5).score([EMPTY_HISTORY], now)[0]
    assert recent[4] > recent[3] > recent[2] > 0


def test_item_cosines_are_exact_on_a_small_matrix() -> None:
    training = histories_of([[2, 3], [2, 3], [2, 4]])
    scores = ItemKNN().fit(training, 5).score([history_of([2])], np.zeros(1, dtype=np.int64))[0]
    assert scores == pytest.approx([0, 0, 0, 2 / np.sqrt(3 * 2), 1 / np.sqrt(3 * 1)])


def test_ease_solves_the_equations_of_its_paper() -> None:
    rng = np.random.default_rng(5)
    choices = [(2 + np.flatnonzero(rng.random(6) < 0.5)).tolist() for _ in range(30)]
    matrix = np.zeros((30, 8))
    for viewer, rows in enumerate(choices):
        matrix[viewer, rows] = 1
    precision = np.linalg.inv(matrix.T @ matrix + 5 * np.eye(8))
    weights = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0)
    ease = EASE(EASE.Config(penalty=5.0)).fit(histories_of(choices), 8)
    scores = ease.score([history_of(rows) for rows in choices], np.zeros(30, dtype=np.int64))
    assert scores == pytest.approx(matrix @ weights, abs=1e-5)


def test_ease_refuses_a_catalogue_above_its_limit() -> None:
    with pytest.raises(CatalogueError, match=r"EASE over 101 items.*leave it out or raise max_items"):
        EASE(EASE.Config(max_items=100)).fit(histories_of([[2]]), 103)


def test_rules_weigh_pairs_by_distance_and_damp_both_ends() -> None:
    config = TransitionConfig(window=2, source_damping=1.0, target_damping=0.5)
    rules = SequentialRules(config).fit(histories_of([[2, 3, 4], [3, 4]]), 5)
    scores = rules.score([history_of([2]), history_of([3])], np.zeros(2, dtype=np.int64))
    assert scores[0] == pytest.approx([0, 0, 0, 1 / np.sqrt(2), 0.5 / np.sqrt(2)])
    assert scores[1] == pytest.approx([0, 0, 0, 0, 2 / 2 / np.sqrt(2)])


def test_rules_do_not_join_two_viewers() -> None:
    rules = SequentialRules().fit(histories_of([[2], [3], [2]]), 4)
    assert not rules.score([history_of([2]), history_of([3])], np.zeros(2, dtype=np.int64)).any()


def test_the_standard_set_takes_each_viewers_latest_event_where_there_is_no_clock() -> None:
    assert isinstance(standard_baselines(has_clock=False)["recent popularity"], LatestPopularity)
    assert isinstance(standard_baselines(has_clock=True)["recent popularity"], RecentPopularity)
