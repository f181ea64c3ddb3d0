"""Trains the ranker on what the published towers really retrieve for later events.

Shapes: Q queries, K candidates, F features.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ranking.features import CandidateFeatures, Moment
from ranking.model import RankingHead
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.recommender import Recommender
from towers.history import History
from towers.query import Query
from towers.vocabulary import Vocabulary
from training.corpus import Corpus
from training.evaluation.queries import Queries
from training.export import candidate_features, ranker_files
from training.learning import Learned
from training.ranker import MISSED, RankerConfig, RankerExamples, RankerReport, fit_ranker

logger = logging.getLogger(__name__)

WEIGHTS: Final[Mapping[str, float]] = {"chosen": 1.0}
"""Value of each action the head predicts."""


def as_query(queries: Queries, q: int, vocabulary: Vocabulary) -> Query:
    """Question q in the words of a request."""
    history: History = queries.histories[q]
    return Query(
        user_id=queries.user_ids[q],
        history=tuple(vocabulary.ids(history.rows)),
        history_ts_ms=tuple(history.ts_ms.tolist()),
        ts_ms=int(queries.request_ts_ms[q]),
        context=queries.contexts[q],
    )


def collect(
    recommender: Recommender, features: CandidateFeatures, queries: Queries, num_candidates: int
) -> RankerExamples:
    """Candidates of every question with their features, and where the chosen item stands among them."""
    shape = (len(queries), num_candidates, len(features.names))
    arrays = np.zeros(shape, dtype=np.float32)
    counts, place = np.zeros(len(queries), dtype=np.int64), np.full(len(queries), MISSED, dtype=np.int64)
    vocabulary = recommender.bundle.spec.vocabulary
    for q in tqdm(range(len(queries)), desc="candidates", unit="query", mininterval=1.0):
        query = as_query(queries, q, vocabulary)
        request = recommender.request(query)
        found = recommender.retrieve(query, num_candidates)
        moment = Moment(request.history, request.ts_ms, request.context, request.popularity)
        counts[q] = len(found.rows)
        arrays[q, : counts[q]] = features(moment, found)
        hit = np.flatnonzero(found.rows == queries.targets[q])
        place[q] = hit[0] if len(hit) else MISSED
    return RankerExamples(arrays, counts, place)


def retrieval(recommender: Recommender, queries: Queries, num_candidates: int) -> Callable[[int], NDArray[np.int64]]:
    """Rows retrieved for question q, best first."""
    vocabulary = recommender.bundle.spec.vocabulary
    return lambda q: recommender.retrieve(as_query(queries, q, vocabulary), num_candidates).rows


def service(recommender: Recommender, queries: Queries, k: int) -> Callable[[int], NDArray[np.int64]]:
    """Rows a viewer gets for question q."""
    vocabulary = recommender.bundle.spec.vocabulary
    return lambda q: recommender.recommend(as_query(queries, q, vocabulary), k).rows


@dataclass(frozen=True, eq=False)
class Ranked:
    """A trained ranking head, its report, and the bundle files that carry it."""

    head: RankingHead
    report: RankerReport
    files: Mapping[str, bytes]

    def files_for(self, corpus: Corpus, item_vectors: NDArray[np.float32]) -> Mapping[str, bytes]:
        """The same head with features fitted on another corpus."""
        return ranker_files(self.head, candidate_features(corpus, item_vectors), WEIGHTS)


def rank(config: RankerConfig, bundle: Bundle, learned: Learned, seed: int) -> Ranked:
    """Train the head on the validation questions, with candidates from the bundle as it would be served."""
    recommender = assemble(bundle, config=Recommender.Config(num_candidates=config.num_candidates))
    features = candidate_features(learned.corpus, bundle.item_vectors)
    queries = learned.validation.sample(config.max_queries, np.random.default_rng(seed))
    with threadpool_limits(1, "blas"):  # a request's products are too small to share between cores
        examples = collect(recommender, features, queries, config.num_candidates)
    scale = float(learned.towers.scale.detach())
    head, report = fit_ranker(config, examples, scale, seed)
    logger.info(
        "ranker: validation ndcg@10 %.4f in retrieval order, %.4f ranked; %.1f %% of the targets were retrieved",
        *(report.retrieval_ndcg, report.ranker_ndcg, 100 * report.recall_ceiling),
    )
    return Ranked(head, report, ranker_files(head, features, WEIGHTS))
