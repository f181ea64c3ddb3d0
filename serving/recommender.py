"""The one path from a query to its items: HTTP, the batch command, evaluation and ranker training all take it.

Shapes: K items, R item rows, D embedding, C context columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates, TopK
from ranking.arrangement import BEST_FIRST, Arrangement
from ranking.merge import Merged
from serving.arranging import Arranged, Arranger
from serving.bundle import Bundle
from serving.catalogue import EVERYTHING, CatalogueFilter
from serving.deadline import ENDLESS, Deadline
from serving.errors import RequestError
from serving.fallback import Fallback
from serving.pipeline import (
    Request,
    Scorer,
    Source,
    Stages,
    behind,
    join,
    take,
)
from serving.query_reader import QueryReader
from serving.recommendation import Recommendation, Step, lower
from serving.retrieval import Retrieval
from serving.state import LiveState
from serving.vector_cache import VectorCache
from towers.query import Query

REASONS: Final = (
    "personal",
    "popular",
    "followed",
    "followed_now",
    "trending",
    "segment",
    "new",
    "similar",
    "also_chosen",
    "alike",
)
"""By code of the source."""


class Gathered(NamedTuple):
    """A request and its candidates."""

    request: Request
    merged: Merged


class Recommender:
    """Answers queries from a bundle and what the server knows now; the same query and state give the same answer."""

    @dataclass(frozen=True)
    class Config:
        """`num_candidates` are ranked, or k if larger. More removable items than `max_overfetch` or a hundredth of the
        catalogue are not over-fetched: the index then gets a list of the allowed ones. `vectors` says how many user
        vectors are kept; None makes each anew, so that equal queries have equal answers whatever came between.
        `arrangement` is what happens after the score, where a request does not ask for another.
        """

        num_candidates: int = 200
        max_overfetch: int = 1000
        vectors: VectorCache.Config | None = None
        arrangement: Arrangement = BEST_FIRST

    def __init__(
        self,
        bundle: Bundle,
        state: LiveState,
        clock_ms: Callable[[], int],
        config: Config | None = None,
        scorer: Scorer | None = None,
    ) -> None:
        self.bundle = bundle
        self.version = bundle.version
        self.state = state
        self._config = config or self.Config()
        self._retrieval = Retrieval(bundle, state.items, self._config.max_overfetch)
        self.shelf = self._retrieval.shelf
        self._scorer = scorer
        self._arranger = Arranger(bundle.catalogue)
        self._clock_ms = clock_ms
        self._reader = QueryReader(bundle, state, clock_ms, self._config.vectors)
        self.fallback = Fallback(bundle, state, self.shelf, clock_ms)

    @property
    def arrangement(self) -> Arrangement:
        """What happens after the score unless a request asks for another."""
        return self._config.arrangement

    def recommend(
        self,
        query: Query,
        k: int,
        *,
        within: CatalogueFilter = EVERYTHING,
        filter_seen: bool = True,
        use_ranker: bool = True,
        deadline: Deadline = ENDLESS,
        arrangement: Arrangement | None = None,
    ) -> Recommendation:
        """min(k, allowed items) distinct items, none of them seen (unless switched off), excluded or outside `within`.

        A bag is answered by its own tables instead of the towers, without a ranker. A RequestError names a k below 1, a
        bag where the bundle has no tables for it, times that do not match the history, or a label the catalogue does
        not have.
        """
        stages = Stages()
        request, read_step = self._reader.read_in_time(query, deadline)
        stages.note("encode" if read_step is Step.FULL else read_step.value, 0 if request.vector is None else 1)
        filters = self._retrieval.filters(query, request, within, filter_seen)
        use_ranker = use_ranker and not query.is_bag
        has_time = not use_ranker or deadline.allows("ranker")
        scorer = self._scorer if use_ranker and has_time else None
        if scorer is None:
            count = max(_positive(k), self._config.num_candidates)
            ranked, is_sound = self._retrieval.nearest(query, request, filters, count, stages), True
        else:
            merged = self._retrieval.merged(request, filters, scorer.counts, _positive(k), stages)
            ranked, is_sound = self._rank(request, merged, scorer, stages)
        wish = self._config.arrangement if arrangement is None else arrangement
        chosen = self._arranger.select(request, ranked, k, wish)
        if wish != BEST_FIRST:
            stages.note("arrangement", len(chosen.candidates.rows))
        filled = self._retrieval.filled(request, chosen.candidates, filters, k, stages)
        answer = self._retrieval.checked(filled, filters, stages)
        rank_step = Step.FULL if is_sound and has_time else Step.RETRIEVAL
        return self._recommendation(answer, chosen, lower(read_step, rank_step), stages)

    def retrieve(self, query: Query, k: int, *, filter_seen: bool = True) -> Candidates:
        """The towers' k best items for a query, seen and excluded ones left out."""
        request = self.request(query)
        filters = self._retrieval.filters(query, request, EVERYTHING, filter_seen)
        return self._retrieval.nearest(query, request, filters, _positive(k), Stages())

    def gather(self, query: Query, counts: Mapping[str, int], *, filter_seen: bool = True) -> Gathered:
        """The request and what a ranker with these `counts` would be given, seen and excluded items left out."""
        request = self.request(query)
        filters = self._retrieval.filters(query, request, EVERYTHING, filter_seen)
        return Gathered(request, self._retrieval.merged(request, filters, counts, 0, Stages()))

    def placed(self, request: Request, rows: NDArray[np.int64], counts: Mapping[str, int]) -> Merged:
        """Any rows as a ranker with these `counts` would be given them; what the viewer has seen is no proposal."""
        return self._retrieval.placed(request, rows, counts)

    def similar(self, row: int, k: int) -> TopK:
        """The k nearest items to an item that are there now, without itself; arrays [K], empty without a vector."""
        return self._retrieval.similar(row, k, self._clock_ms())

    def request(self, query: Query) -> Request:
        """The query as the stages see it."""
        return self._reader.read(query)

    def request_in_time(self, query: Query, deadline: Deadline) -> tuple[Request, Step]:
        """The same, with an older vector of the viewer or none where a new one would come too late."""
        return self._reader.read_in_time(query, deadline)

    def score(self, request: Request, rows: NDArray[np.int64], *, use_ranker: bool = True) -> Candidates:
        """Any rows, scored once and best first: by the ranker, without one by the towers, without a vector by
        popularity.
        """
        if use_ranker and self._scorer is not None and len(rows):
            ranked, _ = self._rank(request, self.placed(request, rows, self._scorer.counts), self._scorer, Stages())
        else:
            shares = request.popularity[rows]
            scores = shares if request.vector is None else request.moment.vectors_of(rows) @ request.vector
            source = Source.POPULARITY if request.vector is None else Source.TOWERS
            ranked = Candidates(rows, scores.astype(np.float32), np.full(len(rows), source, dtype=np.int8))
        return take(ranked, np.argsort(-ranked.scores, kind="stable"))

    def _rank(self, request: Request, merged: Merged, scorer: Scorer, stages: Stages) -> tuple[Candidates, bool]:
        """Candidates with the scorer's scores; those without a finite one keep their order behind the others."""
        found = merged.candidates
        if len(found.rows) == 0:
            return found, True
        scores = scorer.score(request, merged).astype(np.float32)
        finite = np.isfinite(scores)
        ranked = found._replace(scores=scores)
        if finite.all():
            stages.note("ranker", len(ranked.rows))
            return ranked, True
        ranked, rest = take(ranked, finite), take(found, ~finite)
        rest = rest._replace(scores=behind(float(ranked.scores.min(initial=0)), rest.scores))
        stages.note("ranker", len(ranked.rows), len(rest.rows))
        return join(ranked, rest), False

    def _recommendation(self, answer: Candidates, chosen: Arranged, step: Step, stages: Stages) -> Recommendation:
        chances = dict(zip(chosen.candidates.rows.tolist(), chosen.propensities.tolist(), strict=True))
        return Recommendation(
            items=tuple(self.state.items.ids(answer.rows)),
            scores=tuple(answer.scores.tolist()),
            reasons=tuple(REASONS[code] for code in answer.source.tolist()),
            rows=answer.rows,
            propensities=tuple(chances.get(row, 1.0) for row in answer.rows.tolist()),
            model_version=self.version,
            degraded=step is not Step.FULL,
            stages=tuple(stages.reports),
            step=step,
        )


def _positive(k: int) -> int:
    if k < 1:
        raise RequestError("k", f"{k} items make no list; ask for at least 1")
    return k
