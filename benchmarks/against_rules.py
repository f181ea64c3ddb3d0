"""Answers beside sequential rules, known and new viewers apart: against_rules.py CUT_FOLDER TOPK.parquet [MORE ...].

CUT_FOLDER holds events, queries and targets (Parquet); each TOPK file (query_id, rank, item_id) is one seed.
Differences are paired by query, averaged over the seeds, with 95 % bootstrap intervals over queries. Shapes: Q queries.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from towers.history import History
from towers.vocabulary import UNKNOWN, Vocabulary
from training.data import FilesConfig, load
from training.data.histories import build
from training.evaluation.baselines.sequential_rules import SequentialRules
from training.evaluation.evaluator import evaluate_scores
from training.evaluation.queries import Queries

NUM_DRAWS = 2_000


class Figure(NamedTuple):
    """A figure of merit of each query, float64 [Q]."""

    name: str
    of_rules: NDArray[np.float64]
    of_answers: NDArray[np.float64]


def rules_ranks(folder: Path, queries: pd.DataFrame, targets: pd.Series) -> NDArray[np.float64]:
    """Rank [Q] of each target by rules fitted on the events of the cut; infinite where training never saw it."""
    with tempfile.TemporaryDirectory() as scratch:
        dataset = load(FilesConfig(events=str(folder / "events.parquet")), Path(scratch))
    vocabulary = Vocabulary.fit(dataset.events["item_id"].unique())
    histories, _, _ = build(dataset.events, np.ones(len(dataset.events), dtype=np.bool_), vocabulary)
    asked = [
        history_of(items, times, vocabulary)
        for items, times in zip(queries.history, queries.history_timestamp, strict=True)
    ]
    rows = vocabulary.rows(targets.tolist())
    moments = queries.timestamp.to_numpy(dtype=np.int64) * 1000
    users = queries.user_id.tolist()
    questions = Queries(asked, moments, rows, [{}] * len(rows), users, np.ones(len(rows), dtype=np.bool_))
    rules = SequentialRules().fit(histories, vocabulary.num_rows)
    result = evaluate_scores("sequential rules", rules, questions, vocabulary.num_rows)
    return np.where(rows == UNKNOWN, np.inf, result.ranks)


def history_of(items: NDArray[np.object_], times: NDArray[np.int64], vocabulary: Vocabulary) -> History:
    """Known items of a query's history."""
    rows = vocabulary.rows(list(items))
    return History.of(rows[rows != UNKNOWN], np.asarray(times)[rows != UNKNOWN] * 1000)


def file_ranks(path: str, targets: pd.DataFrame) -> NDArray[np.float64]:
    """Rank [Q] of each target in one file of answers; infinite where it is not there."""
    answers = pd.read_parquet(path, columns=["query_id", "rank", "item_id"])
    return targets.merge(answers, on=["query_id", "item_id"], how="left")["rank"].fillna(np.inf).to_numpy()


def gain(rank: NDArray[np.float64]) -> NDArray[np.float64]:
    """NDCG@10 of one target."""
    return np.where(rank <= 10, 1 / np.log2(1 + rank), 0.0)


def interval(difference: NDArray[np.float64]) -> tuple[float, float]:
    """95 % bootstrap interval of a mean."""
    rng = np.random.default_rng(0)
    means = [difference[rng.integers(0, len(difference), len(difference))].mean() for _ in range(NUM_DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def main(folder: Path, paths: list[str]) -> None:
    """Print all, known and new viewers."""
    queries, targets = pd.read_parquet(folder / "queries.parquet"), pd.read_parquet(folder / "targets.parquet")
    known = queries.user_id.isin(
        set(pd.read_parquet(folder / "events.parquet", columns=["user_id"]).user_id)
    ).to_numpy()
    rules = rules_ranks(folder, queries, targets.item_id)
    answers = np.stack([file_ranks(path, targets) for path in paths])
    figures = (
        Figure("HR@10", (rules <= 10).astype(np.float64), (answers <= 10).mean(axis=0)),
        Figure("NDCG@10", gain(rules), gain(answers).mean(axis=0)),
    )
    for name, mask in (("all", np.ones(len(known), dtype=np.bool_)), ("known", known), ("new", ~known)):
        for figure in figures:
            one, other = figure.of_rules[mask], figure.of_answers[mask]
            low, high = interval(other - one)
            print(
                f"{name:6} {mask.sum():5} queries  {figure.name:8} rules {one.mean():.4f}  answers {other.mean():.4f}  "
                f"difference {other.mean() - one.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
