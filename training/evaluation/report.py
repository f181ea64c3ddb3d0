"""One comparison of all scorers on one set of queries: figures, slices, and where the pipeline loses.

Shapes: Q queries, R item rows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.history import Histories
from towers.vocabulary import NUM_RESERVED, UNKNOWN
from training.evaluation.baselines.base import Baseline, event_counts
from training.evaluation.baselines.ease import CatalogueError
from training.evaluation.evaluator import Recommend, Result, evaluate_lists, evaluate_scores
from training.evaluation.metrics import (
    CUTS,
    Interval,
    coverage,
    gains,
    hits,
    mean_interval,
    novelty,
    reciprocal_ranks,
)
from training.evaluation.per_query import digest_of
from training.evaluation.queries import Queries, Slice, slices

TOWERS: Final = "towers alone"
SERVED: Final = "towers + ranker"


class Pipeline(NamedTuple):
    """The two halves of the served road.

    retrieve: all candidates of a query, in the order of retrieval. recommend: what a viewer gets, at least 100 rows;
    None without a ranker.
    """

    retrieve: Recommend
    recommend: Recommend | None = None


class LossSplit(NamedTuple):
    """Where the hits at 10 are lost, as shares of the queries; `hit_rate` and both losses sum to 1.

    ceiling: targets among the candidates, which no ranker can exceed.
    """

    hit_rate: float
    ceiling: float

    @property
    def retrieval_loss(self) -> float:
        """Targets that retrieval did not propose."""
        return 1 - self.ceiling

    @property
    def ranking_loss(self) -> float:
        """Targets proposed but not shown among the first ten."""
        return self.ceiling - self.hit_rate


@dataclass(frozen=True, eq=False)
class Report:
    """Results in the order of the table, with what is needed to cut them. counts: training events int64 [R]."""

    results: tuple[Result, ...]
    skipped: Mapping[str, str]
    slices: tuple[Slice, ...]
    counts: NDArray[np.int64]
    num_unknown_targets: int
    digest: str
    loss_split: LossSplit | None = None

    @property
    def num_queries(self) -> int:
        """Q."""
        return len(self.results[0].ranks) if self.results else 0

    def figures(self, result: Result, part: NDArray[np.bool_] | None = None) -> dict[str, Interval]:
        """Hit rate and NDCG at each cut and MRR of a result, for all queries or the masked part [Q]."""
        ranks = result.ranks if part is None else result.ranks[part]
        found = {f"hit_rate@{k}": mean_interval(hits(ranks, k)) for k in CUTS}
        found |= {f"ndcg@{k}": mean_interval(gains(ranks, k)) for k in CUTS}
        return found | {"mrr": mean_interval(reciprocal_ranks(ranks))}

    def coverage(self, result: Result) -> float:
        """Share of the catalogue in anybody's first ten."""
        return coverage(result.top, len(self.counts) - NUM_RESERVED)

    def novelty(self, result: Result) -> float:
        """Mean surprise of the first ten, in bits."""
        return novelty(result.top, self.counts)

    def metrics(self, cut: str = "test") -> dict[str, float]:
        """Flat paths: `test/ndcg@10` of the last result, `test/popularity/ndcg@10`, `test/ease/cold/ndcg@10`.

        Slices without queries are left out.
        """
        flat: dict[str, float] = {}
        for result in self.results:
            path = f"{cut}/{metric_part(result.name)}"
            flat |= {f"{path}/{name}": interval.mean for name, interval in self.figures(result).items()}
            flat |= {f"{path}/coverage@10": self.coverage(result), f"{path}/novelty@10": self.novelty(result)}
            for name, mask in self.slices:
                if mask.any():
                    figures = self.figures(result, mask)
                    flat |= {f"{path}/{name}/{key}": figures[key].mean for key in ("hit_rate@10", "ndcg@10")}
        if self.results:
            last = f"{cut}/{metric_part(self.results[-1].name)}/"
            flat |= {f"{cut}/{key[len(last) :]}": value for key, value in flat.items() if key.startswith(last)}
        return flat | self.loss_metrics(cut)

    def loss_metrics(self, cut: str = "test") -> dict[str, float]:
        """Ceiling and both losses of the pipeline; empty without one."""
        split = self.loss_split
        if split is None:
            return {}
        return {
            f"{cut}/recall_ceiling": split.ceiling,
            f"{cut}/retrieval_loss@10": split.retrieval_loss,
            f"{cut}/ranking_loss@10": split.ranking_loss,
        }


def metric_part(name: str) -> str:
    """A scorer's name as a part of a metric path: `towers + ranker` becomes `towers_ranker`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def evaluate_all(
    queries: Queries,
    training: Histories,
    num_rows: int,
    baselines: Mapping[str, Baseline],
    pipeline: Pipeline | None = None,
    has_progress: bool = False,
) -> Report:
    """Fit and rank the baselines, then the towers alone and the served pipeline where given.

    A baseline that refuses the size of the catalogue is skipped and named in the report.
    """
    results: list[Result] = []
    skipped: dict[str, str] = {}
    for name, baseline in baselines.items():
        started = time.perf_counter()
        try:
            fitted = baseline.fit(training, num_rows)
        except CatalogueError as error:
            skipped[name] = str(error)
            continue
        result = evaluate_scores(name, fitted, queries, num_rows, has_progress=has_progress)
        results.append(replace(result, duration_s=time.perf_counter() - started))
    split = None
    if pipeline is not None:
        served, split = _evaluate_pipeline(pipeline, queries, has_progress)
        results += served
    counts = event_counts(training, num_rows)
    num_unknown = int(np.count_nonzero(queries.targets == UNKNOWN))
    cuts = tuple(slices(queries, counts))
    return Report(tuple(results), skipped, cuts, counts, num_unknown, digest_of(queries), split)


def _evaluate_pipeline(pipeline: Pipeline, queries: Queries, has_progress: bool) -> tuple[list[Result], LossSplit]:
    everything = np.iinfo(np.int64).max
    retrieved = evaluate_lists(TOWERS, pipeline.retrieve, queries, k=everything, has_progress=has_progress)
    results = [retrieved]
    if pipeline.recommend is not None:
        results.append(evaluate_lists(SERVED, pipeline.recommend, queries, has_progress=has_progress))
    ceiling = float(np.isfinite(retrieved.ranks).mean()) if len(queries) else float("nan")
    hit_rate = float(hits(results[-1].ranks, 10).mean()) if len(queries) else float("nan")
    return results, LossSplit(hit_rate, ceiling)
