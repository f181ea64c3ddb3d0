"""Judges a bundle through the path that serves, beside counting models, on events later than it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.recommender import Recommender
from serving.state import LiveState
from training.data.dataset import Dataset
from training.data.histories import build
from training.data.split import Split
from training.evaluation.baselines.standard import standard_baselines
from training.evaluation.metrics import CUTS
from training.evaluation.report import Pipeline, Report, evaluate_all
from training.questions import ask
from training.ranking_stage import retrieval, service
from training.replay import Replay, in_time_order

EVALUATION: Final = "EVALUATION"
"""Pointer file beside CURRENT: the bundle that has not seen the test part."""


@dataclass(frozen=True)
class JudgeConfig:
    """One question a viewer of the test part: the `last` target or a `random` one; at most `max_queries` of them.

    `num_candidates` are retrieved and ranked for each.
    """

    target: str = "last"
    max_queries: int = 10_000
    num_candidates: int = 200
    seed: int = 0


def judge(config: JudgeConfig, bundle: Bundle, dataset: Dataset, parts: Split, *, is_live: bool = False) -> Report:
    """Popularity, ItemKNN, EASE and sequential rules fitted on all events before the test part, and the bundle.

    `is_live`: the events after its training flow into the bundle's state while the questions are asked.
    """
    spec = bundle.spec
    queries = ask(dataset, parts.test, spec, bundle.viewers, config.target, config.seed)
    queries = queries.sample(config.max_queries, np.random.default_rng(config.seed))
    queries = queries.take(np.argsort(queries.request_ts_ms, kind="stable"))
    before_test, _, _ = build(dataset.events, parts.train | parts.val, spec.vocabulary)
    settings = Recommender.Config(num_candidates=config.num_candidates)
    towers, ranker = assemble(bundle, config=settings), assemble(bundle, config=settings)
    replay = replay_after(bundle, dataset, ranker.state) if is_live else None
    has_ranker = bundle.ranker_path is not None
    pipeline = Pipeline(
        retrieval(towers, queries, config.num_candidates),
        service(ranker, queries, max(CUTS), replay) if has_ranker else None,
    )
    baselines = standard_baselines(dataset.has_clock)
    with threadpool_limits(1, "blas"):  # a request's products are too small to share between cores
        return evaluate_all(queries, before_test, spec.vocabulary.num_rows, baselines, pipeline, has_progress=True)


def replay_after(bundle: Bundle, dataset: Dataset, state: LiveState) -> Replay:
    """The data set's events since the bundle was trained."""
    later = dataset.events["ts_ms"].to_numpy() > bundle.manifest.trained_until_ms
    return Replay(in_time_order(dataset.events[later], state.columns), state)
