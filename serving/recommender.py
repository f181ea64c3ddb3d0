"""The one path from a query to its items: HTTP, the batch command, evaluation and ranker training all take it.

Shapes: K items, R item rows, D embedding, C context columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates, TopK
from ranking.arrangement import BEST_FIRST, Arrangement
from ranking.merge import Merged, merge, places
from serving.arranging import Arranged, Arranger
from serving.bundle import Bundle
from serving.catalogue import EVERYTHING, CatalogueFilter
from serving.deadline import ENDLESS, Deadline
from serving.errors import RequestError
from serving.fallback import Fallback
from serving.filters import Allow, Block
from serving.pipeline import (
    Eligible,
    Filter,
    Request,
    Scorer,
    Source,
    Stages,
    behind,
    eligible,
    join,
    take,
)
from serving.query_reader import QueryReader
from serving.recommendation import Recommendation, Step, lower
from serving.shelf import Shelf
from serving.sources import BAG, standard_sources
from serving.state import LiveState
from serving.vector_cache import VectorCache
from towers.query import Query
from towers.vocabulary import UNKNOWN

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
        self.shelf = Shelf(bundle, state.items)
        self._config = config or self.Config()
        self._max_overfetch = max(self._config.max_overfetch, len(bundle.spec.vocabulary.encoded) // 100)
        self._scorer = scorer
        self._arranger = Arranger(bundle.catalogue)
        self._clock_ms = clock_ms
        self._reader = QueryReader(bundle, state, clock_ms, self._config.vectors)
        self._sources = standard_sources(self.shelf, bundle.bag)
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
        filters = self._filters(query, request, within, filter_seen)
        use_ranker = use_ranker and not query.is_bag
        has_time = not use_ranker or deadline.allows("ranker")
        scorer = self._scorer if use_ranker and has_time else None
        if scorer is None:
            count = max(_positive(k), self._config.num_candidates)
            ranked, is_sound = self._nearest(query, request, filters, count, stages), True
        else:
            merged = self._merge(request, filters, scorer.counts, _positive(k), stages)
            ranked, is_sound = self._rank(request, merged, scorer, stages)
        wish = self._config.arrangement if arrangement is None else arrangement
        chosen = self._arranger.select(request, ranked, k, wish)
        if wish != BEST_FIRST:
            stages.note("arrangement", len(chosen.candidates.rows))
        filled = self._fill(request, chosen.candidates, filters, k, stages)
        answer = self._check(filled, filters, stages)
        rank_step = Step.FULL if is_sound and has_time else Step.RETRIEVAL
        return self._recommendation(answer, chosen, lower(read_step, rank_step), stages)

    def retrieve(self, query: Query, k: int, *, filter_seen: bool = True) -> Candidates:
        """The towers' k best items for a query, seen and excluded ones left out."""
        request = self.request(query)
        filters = self._filters(query, request, EVERYTHING, filter_seen)
        return self._nearest(query, request, filters, _positive(k), Stages())

    def gather(self, query: Query, counts: Mapping[str, int], *, filter_seen: bool = True) -> Gathered:
        """The request and what a ranker with these `counts` would be given, seen and excluded items left out."""
        request = self.request(query)
        filters = self._filters(query, request, EVERYTHING, filter_seen)
        return Gathered(request, self._merge(request, filters, counts, 0, Stages()))

    def placed(self, request: Request, rows: NDArray[np.int64], counts: Mapping[str, int]) -> Merged:
        """Any rows as a ranker with these `counts` would be given them; what the viewer has seen is no proposal."""
        proposals = self._proposals(request, (Block("seen", request.history.rows),), counts, Stages())
        candidates = Candidates(rows, np.zeros(len(rows), np.float32), np.zeros(len(rows), np.int8))
        return Merged(candidates, places(rows, proposals, list(counts.values())))

    def similar(self, row: int, k: int) -> TopK:
        """The k nearest items to an item that are there now, without itself; arrays [K], empty without a vector."""
        if not self.state.items.has_vector(np.array([row]))[0]:
            return TopK(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
        closed = self.shelf.closed(self._clock_ms())
        vector = self.state.items.vectors(np.array([row]))
        found = self.shelf.search(vector, k + 1 + len(closed))
        other = (found.rows[0] != row) & ~np.isin(found.rows[0], closed)
        return TopK(found.rows[0][other][:k], found.scores[0][other][:k])

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

    def _filters(
        self, query: Query, request: Request, within: CatalogueFilter, filter_seen: bool
    ) -> tuple[Filter, ...]:
        filters: list[Filter] = []
        if len(closed := self.shelf.closed(request.ts_ms)):
            filters.append(Block("closed", closed))
        if filter_seen and len(request.history.rows):
            filters.append(Block("seen", request.history.rows))
        if query.exclude:
            rows = self.state.items.rows(query.exclude)
            filters.append(Block("exclude", rows[rows != UNKNOWN]))
        if within != EVERYTHING:
            filters.append(Allow("catalogue", self.shelf.rows(within), self.state.items.num_items))
        return tuple(filters)

    def _nearest(
        self, query: Query, request: Request, filters: Sequence[Filter], count: int, stages: Stages
    ) -> Candidates:
        """The best `count` eligible items of the towers, or of the bag's tables; fewer when there are no more."""
        name = BAG if query.is_bag else "towers"
        if name not in self._sources:
            raise RequestError("is_bag", "this bundle cannot answer bags of items; train it with bag.dim above 0")
        return self._propose(name, request, filters, self._past(filters), count, stages)

    def _merge(
        self, request: Request, filters: Sequence[Filter], counts: Mapping[str, int], k: int, stages: Stages
    ) -> Merged:
        """Union of what the sources propose; the towers propose k where that is more."""
        wanted = {name: max(count, k) if name == "towers" else count for name, count in counts.items()}
        return merge(self._proposals(request, filters, wanted, stages), list(counts.values()))

    def _proposals(
        self, request: Request, filters: Sequence[Filter], counts: Mapping[str, int], stages: Stages
    ) -> list[Candidates]:
        past = self._past(filters)
        return [self._propose(name, request, filters, past, count, stages) for name, count in counts.items()]

    def _propose(
        self, name: str, request: Request, filters: Sequence[Filter], past: Eligible, count: int, stages: Stages
    ) -> Candidates:
        """The best `count` eligible items of one source."""
        wanted = min(count + past.overfetch, self.state.items.num_items)
        found = self._sources[name].propose(request, wanted, past.allowed)
        kept = _filtered(found, filters)
        stages.note(name, min(len(kept.rows), count), len(found.rows) - len(kept.rows))
        return take(kept, slice(count))

    def _past(self, filters: Sequence[Filter]) -> Eligible:
        return eligible(filters, lambda: self.state.items.item_set, self._max_overfetch)

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

    def _fill(
        self, request: Request, chosen: Candidates, filters: Sequence[Filter], k: int, stages: Stages
    ) -> Candidates:
        """Popular items behind the chosen ones until there are k or nothing is left."""
        missing = k - len(chosen.rows)
        if missing <= 0:
            return chosen
        filters = (*filters, Block("chosen", chosen.rows))
        allowed, overfetch = self._past(filters)
        popular = self._sources["popularity"].propose(request, missing + overfetch, allowed)
        popular = take(_filtered(popular, filters), slice(missing))
        floor = float(chosen.scores.min(initial=0))
        stages.note("popularity", len(popular.rows))
        return join(chosen, popular._replace(scores=behind(floor, popular.scores)))

    def _check(self, answer: Candidates, filters: Sequence[Filter], stages: Stages) -> Candidates:
        """Filters once more on the way out, whatever the stages between did."""
        kept = _filtered(answer, filters)
        stages.note("check", len(kept.rows), len(answer.rows) - len(kept.rows))
        return kept

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


def _filtered(candidates: Candidates, filters: Sequence[Filter]) -> Candidates:
    for each in filters:
        kept = each.keeps(candidates.rows)
        if not kept.all():
            candidates = take(candidates, kept)
    return candidates


def _positive(k: int) -> int:
    if k < 1:
        raise RequestError("k", f"{k} items make no list; ask for at least 1")
    return k
