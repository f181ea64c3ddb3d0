"""Trains the ranker on what the sources really return for later events, through the recommender that serves.

Shapes: Q requests, K candidates, A actions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ranking.candidate_features import SLATE_SCORE, WATCH_SCORE
from ranking.features import Features
from ranking.moment import SESSION_GAP_MS
from serving.assembly import assemble, blank_moment
from serving.bundle import Bundle
from serving.recommender import Recommender
from serving.scorer import RankerCard, make_features
from towers.history import History
from towers.query import Query
from towers.vocabulary import Vocabulary
from training.data.dataset import Dataset
from training.data.histories import build
from training.evaluation.queries import Queries
from training.examples import ExampleList, RankerExamples, SavedExamples, refuse_non_finite
from training.impressions import slates
from training.labels import Labels, labels_of
from training.learning import Learned
from training.onnx_export import ranker_onnx
from training.ranker import Fitted, RankerConfig, RankerReport, fit_ranker
from training.replay import Replay, in_time_order
from training.slate_examples import PageReader

EXAMPLES: Final = "ranker_examples.npz"

logger = logging.getLogger(__name__)


def as_query(queries: Queries, q: int, vocabulary: Vocabulary) -> Query:
    """Question q in the words of a request that brings its history."""
    history: History = queries.histories[q]
    return replace(
        as_live_query(queries, q),
        history=tuple(vocabulary.ids(history.rows)),
        history_ts_ms=tuple(history.ts_ms.tolist()),
    )


def as_live_query(queries: Queries, q: int) -> Query:
    """Question q of a viewer whose history the server knows."""
    return Query(user_id=queries.user_ids[q], ts_ms=int(queries.request_ts_ms[q]), context=queries.contexts[q])


def retrieval(recommender: Recommender, queries: Queries, num_candidates: int) -> Callable[[int], NDArray[np.int64]]:
    """Rows the towers retrieve for question q, best first."""
    vocabulary = recommender.bundle.spec.vocabulary
    return lambda q: recommender.retrieve(as_query(queries, q, vocabulary), num_candidates).rows


def service(
    recommender: Recommender, queries: Queries, k: int, replay: Replay | None = None
) -> Callable[[int], NDArray[np.int64]]:
    """Rows a viewer gets for question q; with a `replay` the server knows what came before, and the questions must be
    asked in the order of time.
    """
    vocabulary = recommender.bundle.spec.vocabulary

    def answer(q: int) -> NDArray[np.int64]:
        if replay is None:
            return recommender.recommend(as_query(queries, q, vocabulary), k).rows
        replay.until(int(queries.request_ts_ms[q]))
        return recommender.recommend(as_live_query(queries, q), k).rows

    return answer


@dataclass(frozen=True, eq=False)
class Collector:
    """Asks held-out questions of a recommender and keeps what a ranker would be given, with what was chosen."""

    recommender: Recommender
    features: Features
    counts: Mapping[str, int]
    queries: Queries
    labels: Labels

    def frozen(self) -> RankerExamples:
        """Every question brings its history; the server's state stands still."""
        vocabulary = self.recommender.bundle.spec.vocabulary
        return self._collect((q, as_query(self.queries, q, vocabulary)) for q in range(len(self.queries)))

    def replayed(self, replay: Replay) -> RankerExamples:
        """Questions in the order of time, each after the events before it."""
        order = np.argsort(self.queries.request_ts_ms, kind="stable").tolist()
        return self._collect(replay.before_each((q, as_live_query(self.queries, q)) for q in order))

    def _collect(self, asked: Iterator[tuple[int, Query]]) -> RankerExamples:
        examples = ExampleList(self.labels.actions)
        for q, query in tqdm(asked, total=len(self.queries), desc="candidates", unit="query", mininterval=1.0):
            request, merged = self.recommender.gather(query, self.counts)
            rows = merged.candidates.rows
            if len(rows) == 0:
                continue
            target = int(self.recommender.state.items.rows([self.labels.item_ids[q]])[0])
            given = self.features(request.moment, rows, merged.ranks)
            examples.add(given, rows, self.labels.of(q, rows == target), request.ts_ms)
        return examples.stacked()


@dataclass(frozen=True, eq=False)
class Ranked:
    """A trained ranking head, the bundle files that carry it, and what each action counts in the order of a list."""

    fitted: Fitted
    files: Mapping[str, bytes]
    weights: dict[str, float]

    @property
    def report(self) -> RankerReport:
        """How it did."""
        return self.fitted.report


def rank(
    config: RankerConfig,
    bundle: Bundle,
    learned: Learned,
    dataset: Dataset,
    val: NDArray[np.bool_],
    out: Path,
    seed: int,
) -> Ranked:
    """Train the head on the validation questions, with candidates from the bundle as it would be served.

    val: bool [E], the held-out events, which flow into the live state with `config.replay`. With
    `config.keep_examples` the examples stay in the folder `out`.
    """
    collector = make_collector(config, bundle, learned, dataset, seed)
    scale, start, follow = float(learned.towers.scale.detach()), 0, None
    with threadpool_limits(1, "blas"):  # a request's products are too small to share between cores
        if bundle.slates is None:
            examples = collect(config, collector, dataset, val)
        else:
            examples = collect_seen(config, collector, learned, dataset, val, seed)
            config = replace(config, loss="pointwise")
            names = collector.features.names(blank_moment(bundle, collector.recommender.state))
            if SLATE_SCORE in names:
                scale, start = 1.0, names.index(SLATE_SCORE)
            if WATCH_SCORE in names:
                follow = names.index(WATCH_SCORE)
    moment = blank_moment(bundle, collector.recommender.state)
    all_names = collector.features.names(moment), collector.features.request_names(moment)
    refuse_non_finite(examples, *all_names)
    if config.keep_examples:
        SavedExamples(examples, *all_names, bundle.item_vectors, scale).save(out / EXAMPLES)
    fitted = fit_ranker(config, examples, bundle.item_vectors, scale, seed, start, follow)
    logger.info(
        "ranker: validation ndcg@10 %.4f in retrieval order, %.4f ranked; %.1f %% of the targets among the candidates",
        *(fitted.report.retrieval_ndcg, fitted.report.ranker_ndcg, 100 * fitted.report.recall_ceiling),
    )
    weights = config.value_weights.of(fitted.actions)
    logger.info("value = %s", " ".join(f"{weight:+g} {action}" for action, weight in weights.items() if weight))
    return Ranked(fitted, ranker_files(config, fitted, collector, bundle), weights)


def make_collector(config: RankerConfig, bundle: Bundle, learned: Learned, dataset: Dataset, seed: int) -> Collector:
    """Fresh state and a sample of the validation questions."""
    counts = config.sources.by_name()
    asked = in_session(learned.validation) if config.in_session else learned.validation
    queries = asked.sample(config.max_queries, np.random.default_rng(seed))
    features = make_features(config.features, tuple(counts), bundle.spec)
    return Collector(assemble(bundle), features, counts, queries, labels_of(dataset.events, queries))


def in_session(queries: Queries) -> Queries:
    """Questions whose viewer did something within a session's gap before."""
    newest = np.array([history.ts_ms[-1] if len(history.ts_ms) else -np.inf for history in queries.histories])
    return queries.take(np.flatnonzero(queries.request_ts_ms - newest <= SESSION_GAP_MS))


def collect(config: RankerConfig, collector: Collector, dataset: Dataset, val: NDArray[np.bool_]) -> RankerExamples:
    """Examples of the collector's questions, replayed or not as configured."""
    if not config.replay:
        return collector.frozen()
    state = collector.recommender.state
    return collector.replayed(Replay(in_time_order(dataset.events[val], state.columns), state))


def collect_seen(
    config: RankerConfig, collector: Collector, learned: Learned, dataset: Dataset, val: NDArray[np.bool_], seed: int
) -> RankerExamples:
    """Examples of the pages seen in the part `val` [E]."""
    corpus = learned.corpus
    known = val | (dataset.events["ts_ms"] <= corpus.trained_until_ms).to_numpy()
    _, viewers, _ = build(dataset.events, known, corpus.spec.vocabulary)
    pages = slates(dataset.events, val, corpus.spec, viewers, known)
    reader = PageReader(collector.recommender, collector.features, collector.counts)
    return reader.examples(config, pages, dataset, val, seed)


def ranker_files(config: RankerConfig, fitted: Fitted, collector: Collector, bundle: Bundle) -> dict[str, bytes]:
    """What a bundle needs to rank, by file name."""
    moment = blank_moment(bundle, collector.recommender.state)
    card = RankerCard(
        candidates=collector.features.names(moment),
        request=collector.features.request_names(moment),
        without=config.features.without,
        sources=dict(collector.counts),
        weights=config.value_weights.of(fitted.actions),
        calibration=dict(fitted.calibration),
    )
    dim = bundle.item_vectors.shape[1]
    return {"ranker.onnx": ranker_onnx(fitted.head, dim), "ranker.json": msgspec.json.encode(card)}
