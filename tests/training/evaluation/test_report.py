from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.evaluation.worlds import histories_of, history_of, queries_of, ring
from towers.vocabulary import UNKNOWN
from training.evaluation.artefacts import save_report
from training.evaluation.baselines.base import Baseline
from training.evaluation.baselines.ease import EASE
from training.evaluation.baselines.popularity import Popularity
from training.evaluation.baselines.sequential_rules import SequentialRules
from training.evaluation.evaluator import block_size_for, evaluate_lists
from training.evaluation.metrics import gains, hits, mean_interval
from training.evaluation.per_query import FILE_NAME, PerQuery, digest_of
from training.evaluation.queries import Queries
from training.evaluation.report import SERVED, TOWERS, Pipeline, Report, evaluate_all, metric_part
from training.evaluation.table import WIDTH, as_text

NUM_ITEMS, NUM_ROWS = 150, 152


@pytest.fixture(scope="module")
def viewers() -> list[list[int]]:
    return ring(300, NUM_ITEMS, 8, np.random.default_rng(7))


@pytest.fixture(scope="module")
def queries(viewers: list[list[int]]) -> Queries:
    return queries_of([history_of(viewer[:-1]) for viewer in viewers], [viewer[-1] for viewer in viewers])


@pytest.fixture(scope="module")
def report(viewers: list[list[int]], queries: Queries) -> Report:
    training = histories_of([viewer[:-1] for viewer in viewers])
    baselines: dict[str, Baseline] = {
        "popularity": Popularity(),
        "EASE": EASE(EASE.Config(max_items=5)),
        "rules": SequentialRules(),
    }
    return evaluate_all(queries, training, NUM_ROWS, baselines, pipeline(queries))


def pipeline(queries: Queries) -> Pipeline:
    """Retrieval proposes the 30 rows after the newest event, farthest first; ranking puts the nearest first."""

    def retrieve(query: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        newest = int(queries.histories[query].rows[-1])
        return (newest - 2 + np.arange(30, 0, -1)) % NUM_ITEMS + 2

    return Pipeline(retrieve, lambda query: retrieve(query)[::-1])


def test_one_row_a_scorer_and_a_baseline_that_refuses_is_named(report: Report) -> None:
    assert [result.name for result in report.results] == ["popularity", "rules", TOWERS, SERVED]
    assert list(report.skipped) == ["EASE"]
    assert "EASE left out: EASE over 150 items" in as_text(report)


def test_the_loss_is_split_at_the_ceiling_of_retrieval(report: Report, queries: Queries) -> None:
    split = report.loss_split
    assert split is not None
    proposed = [queries.targets[q] in pipeline(queries).retrieve(q) for q in range(len(queries))]
    assert split.ceiling == pytest.approx(np.mean(proposed))
    assert split.hit_rate + split.retrieval_loss + split.ranking_loss == pytest.approx(1)
    assert split.ranking_loss >= 0


def test_lists_count_beyond_a_hundred_only_towards_the_ceiling(queries: Queries) -> None:
    everything = np.arange(2, NUM_ROWS)
    ranks = evaluate_lists("all", lambda _: everything, queries).ranks
    assert np.array_equal(np.isfinite(ranks), queries.targets < 102)
    whole = evaluate_all(queries, histories_of([[2]]), NUM_ROWS, {}, Pipeline(lambda _: everything))
    assert whole.loss_split is not None
    assert whole.loss_split.ceiling == 1.0
    assert [result.name for result in whole.results] == [TOWERS]


def test_figures_are_means_over_the_queries_of_the_slice(report: Report) -> None:
    result = report.results[-1]
    _, mask = next(part for part in report.slices if part.name == "head")
    assert report.figures(result)["ndcg@10"] == mean_interval(gains(result.ranks, 10))
    assert report.figures(result, mask)["hit_rate@20"] == mean_interval(hits(result.ranks[mask], 20))


def test_metrics_are_paths_and_the_last_scorer_stands_under_the_cut(report: Report) -> None:
    metrics = report.metrics("val")
    assert metrics["val/ndcg@10"] == metrics["val/towers_ranker/ndcg@10"]
    assert metrics["val/rules/warm/ndcg@10"] == report.figures(report.results[1])["ndcg@10"].mean
    assert "val/popularity/cold/ndcg@10" not in metrics
    assert {"val/recall_ceiling", "val/coverage@10", "val/popularity/novelty@10", "val/mrr"} <= metrics.keys()
    assert np.isfinite(list(metrics.values())).all()


def test_the_text_fits_the_terminal(report: Report) -> None:
    text = as_text(report)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= WIDTH
    for word in ("towers + ranker", "NDCG@100", "cold 0", "lost in retrieval", "95 % interval"):
        assert word in text


def test_saved_files_hold_what_the_report_holds(report: Report, queries: Queries, tmp_path: Path) -> None:
    save_report(report, tmp_path / "deep" / "folder")
    folder = tmp_path / "deep" / "folder"
    told = json.loads((folder / "evaluation.json").read_text())
    assert told["scorers"]["rules"]["ndcg@10"] == pytest.approx(list(report.figures(report.results[1])["ndcg@10"]))
    assert told["scorers"]["rules"]["slices"]["cold"]["ndcg@10"] is None
    per_query = PerQuery.load(folder / FILE_NAME)
    assert per_query.digest == digest_of(queries)
    assert per_query.names == ("popularity", "rules", TOWERS, SERVED)
    assert np.array_equal(per_query.ranks[1], report.results[1].ranks.astype(np.float32))
    assert (folder / "evaluation.txt").read_text() == as_text(report)


def test_targets_that_training_never_saw_are_misses_and_counted() -> None:
    queries = queries_of([history_of([2]), history_of([3])], [UNKNOWN, 4])
    found = evaluate_all(queries, histories_of([[2, 3, 4]]), 5, {"popularity": Popularity()})
    assert found.results[0].ranks[0] == np.inf
    assert found.num_unknown_targets == 1
    assert "1 targets never occur in training" in as_text(found)


def test_no_queries_give_a_report_without_figures() -> None:
    empty = queries_of([], [])
    found = evaluate_all(
        empty, histories_of([[2]]), 12, {"popularity": Popularity()}, Pipeline(lambda _: np.array([2]))
    )
    assert "0 queries" in as_text(found)
    assert np.isnan(found.figures(found.results[0])["ndcg@10"].mean)


def test_blocks_shrink_as_the_catalogue_grows() -> None:
    assert block_size_for(100) == 1024
    assert block_size_for(1_000_000) * 1_000_000 * 24 <= 128_000_000
    assert block_size_for(10**9) == 1


def test_the_digest_tells_queries_apart_and_forgets_the_vocabulary() -> None:
    histories = [history_of([2, 3]), history_of([4])]
    first, other_rows = queries_of(histories, [5, 6]), queries_of(histories, [7, 8])
    assert digest_of(first) == digest_of(other_rows)
    assert digest_of(first) != digest_of(queries_of([history_of([2]), history_of([4])], [5, 6]))


def test_scorer_names_become_path_parts() -> None:
    assert metric_part("towers + ranker") == "towers_ranker"
    assert metric_part("ItemKNN") == "itemknn"
