"""Candidates of a request: sources propose, filters remove, and what the index cannot leave out is over-fetched.

Shapes: K items, R item rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates, TopK
from ranking.merge import Merged, merge, places
from serving.bundle import Bundle
from serving.catalogue import EVERYTHING, CatalogueFilter
from serving.errors import RequestError
from serving.filters import Allow, Block
from serving.items import ItemTable
from serving.pipeline import Eligible, Filter, Request, Stages, behind, eligible, join, take
from serving.shelf import Shelf
from serving.sources import BAG, standard_sources
from towers.query import Query
from towers.vocabulary import UNKNOWN


class Retrieval:
    """Asks the sources of one bundle; `max_overfetch` as in `Recommender.Config`."""

    def __init__(self, bundle: Bundle, items: ItemTable, max_overfetch: int) -> None:
        self.shelf = Shelf(bundle, items)
        self._items = items
        self._max_overfetch = max(max_overfetch, len(bundle.spec.vocabulary.encoded) // 100)
        self._sources = standard_sources(self.shelf, bundle.bag)

    def filters(self, query: Query, request: Request, within: CatalogueFilter, filter_seen: bool) -> tuple[Filter, ...]:
        """What this request must not be answered."""
        filters: list[Filter] = []
        if len(closed := self.shelf.closed(request.ts_ms)):
            filters.append(Block("closed", closed))
        if filter_seen and len(request.history.rows):
            filters.append(Block("seen", request.history.rows))
        if query.exclude:
            rows = self._items.rows(query.exclude)
            filters.append(Block("exclude", rows[rows != UNKNOWN]))
        if within != EVERYTHING:
            filters.append(Allow("catalogue", self.shelf.rows(within), self._items.num_items))
        return tuple(filters)

    def nearest(
        self, query: Query, request: Request, filters: Sequence[Filter], count: int, stages: Stages
    ) -> Candidates:
        """The best `count` eligible items of the towers, or of the bag's tables; fewer when there are no more."""
        name = BAG if query.is_bag else "towers"
        if name not in self._sources:
            raise RequestError("is_bag", "this bundle cannot answer bags of items; train it with bag.dim above 0")
        return self._propose(name, request, filters, self._past(filters), count, stages)

    def merged(
        self, request: Request, filters: Sequence[Filter], counts: Mapping[str, int], k: int, stages: Stages
    ) -> Merged:
        """Union of what the sources propose; the towers propose k where that is more."""
        wanted = {name: max(count, k) if name == "towers" else count for name, count in counts.items()}
        return merge(self._proposals(request, filters, wanted, stages), list(counts.values()))

    def placed(self, request: Request, rows: NDArray[np.int64], counts: Mapping[str, int]) -> Merged:
        """Any rows with their places in what the sources propose; what the viewer has seen is no proposal."""
        proposals = self._proposals(request, (Block("seen", request.history.rows),), counts, Stages())
        candidates = Candidates(rows, np.zeros(len(rows), np.float32), np.zeros(len(rows), np.int8))
        return Merged(candidates, places(rows, proposals, list(counts.values())))

    def filled(
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

    def checked(self, answer: Candidates, filters: Sequence[Filter], stages: Stages) -> Candidates:
        """Filters once more on the way out, whatever the stages between did."""
        kept = _filtered(answer, filters)
        stages.note("check", len(kept.rows), len(answer.rows) - len(kept.rows))
        return kept

    def similar(self, row: int, k: int, ts_ms: int) -> TopK:
        """The k nearest items to an item that are there now, without itself; arrays [K], empty without a vector."""
        if not self._items.has_vector(np.array([row]))[0]:
            return TopK(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
        closed = self.shelf.closed(ts_ms)
        vector = self._items.vectors(np.array([row]))
        found = self.shelf.search(vector, k + 1 + len(closed))
        other = (found.rows[0] != row) & ~np.isin(found.rows[0], closed)
        return TopK(found.rows[0][other][:k], found.scores[0][other][:k])

    def _proposals(
        self, request: Request, filters: Sequence[Filter], counts: Mapping[str, int], stages: Stages
    ) -> list[Candidates]:
        past = self._past(filters)
        return [self._propose(name, request, filters, past, count, stages) for name, count in counts.items()]

    def _propose(
        self, name: str, request: Request, filters: Sequence[Filter], past: Eligible, count: int, stages: Stages
    ) -> Candidates:
        """The best `count` eligible items of one source."""
        wanted = min(count + past.overfetch, self._items.num_items)
        found = self._sources[name].propose(request, wanted, past.allowed)
        kept = _filtered(found, filters)
        stages.note(name, min(len(kept.rows), count), len(found.rows) - len(kept.rows))
        return take(kept, slice(count))

    def _past(self, filters: Sequence[Filter]) -> Eligible:
        return eligible(filters, lambda: self._items.item_set, self._max_overfetch)


def _filtered(candidates: Candidates, filters: Sequence[Filter]) -> Candidates:
    for each in filters:
        kept = each.keeps(candidates.rows)
        if not kept.all():
            candidates = take(candidates, kept)
    return candidates
