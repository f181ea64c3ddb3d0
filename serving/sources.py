"""Candidate sources: who proposes items for a request, and how many of them.

Shapes: N item rows in use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from index.row_set import Allowed, row_set
from index.topk import Candidates, TopK
from ranking.moment import Moment
from ranking.signals import FAST, HOUR, SLOW, LiveSignals
from ranking.sparse_scores import SparseScores
from serving.pipeline import CandidateSource, Request, Source
from serving.standing_order import StandingOrder
from towers.bag import BagTables, is_choice
from towers.vocabulary import NUM_RESERVED

NOTHING = Candidates(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int8))
BAG: Final = "bag"
NUM_RECENT: Final = 5
"""Newest history items whose mean vector stands for the mood."""


@dataclass(frozen=True)
class SourceCounts:
    """How many items each source proposes to the ranker; 0 switches it off. The towers propose k where k is more.

    rules: what followed the history in training. item_knn, ease: what viewers of its items also chose, by cosine and by
    a linear autoencoder; nothing where the bundle has no such table. live_rules, session_rules: what followed the
    history of late, and in sessions of the last hours. trending: most chosen of late, fast and slow with half-lives of
    ten minutes, an hour and six hours. segment: most chosen of late in the moment's segments. new: newest first.
    similar: nearest to the newest history items. popularity: most chosen in the longer run.
    """

    towers: int = 100
    rules: int = 60
    item_knn: int = 0
    ease: int = 0
    live_rules: int = 60
    session_rules: int = 30
    trending_fast: int = 30
    trending: int = 40
    trending_slow: int = 30
    segment: int = 30
    new: int = 20
    similar: int = 20
    popularity: int = 20

    def by_name(self) -> dict[str, int]:
        """Counts of the sources that are on."""
        return {each.name: count for each in fields(self) if (count := getattr(self, each.name)) > 0}


class Searchable(Protocol):
    """An index, or what stands before one."""

    def search(self, queries: NDArray[np.float32], k: int, allowed: Allowed | None = None) -> TopK: ...


class TowerSource:
    """Nearest items to the viewer's vector; nothing when there is no vector."""

    def __init__(self, index: Searchable) -> None:
        self._index = index

    def propose(self, request: Request, count: int, allowed: Allowed | None = None) -> Candidates:
        """Best first; scores are inner products."""
        return _nearest(self._index, Source.TOWERS, request.vector, count, allowed)


class SimilarSource:
    """Nearest items to the mean of the newest history items."""

    def __init__(self, index: Searchable) -> None:
        self._index = index

    def propose(self, request: Request, count: int, allowed: Allowed | None = None) -> Candidates:
        """Best first; scores are inner products."""
        mean = request.moment.vectors_of(request.history.rows[-NUM_RECENT:]).sum(axis=0)
        length = float(np.linalg.norm(mean))
        vector = (mean / length).astype(np.float32) if length > 0 else None
        return _nearest(self._index, Source.SIMILAR, vector, count, allowed)


class PopularSource:
    """What is chosen most now; ties and items never chosen in the order of their rows."""

    def __init__(self) -> None:
        self._order = StandingOrder()

    def propose(self, request: Request, count: int, allowed: Allowed | None = None) -> Candidates:
        """Best first; scores are shares of the faded choices."""
        if allowed is None:
            every = np.arange(NUM_RESERVED, len(request.popularity))
            return self._order.first(count, request.popularity, None, lambda size: self._best(request, size, every))
        return self._best(request, count, row_set(allowed).rows)

    def _best(self, request: Request, count: int, rows: NDArray[np.int64]) -> Candidates:
        shares = request.popularity[rows]
        best = _largest(shares, count)
        return _from(Source.POPULARITY, rows[best], shares[best].astype(np.float32))


class ScoredSource:
    """The items with the largest positive scores [N] in a moment; ties in the order of their rows."""

    def __init__(self, source: Source, scores: Callable[[Moment], NDArray[np.float64]]) -> None:
        self._source = source
        self._scores = scores

    def propose(self, request: Request, count: int, allowed: Allowed | None = None) -> Candidates:
        """Best first; scores as the source counts them."""
        scores = self._scores(request.moment)
        rows = np.flatnonzero(scores > 0) if allowed is None else row_set(allowed).rows
        rows = rows[(rows >= NUM_RESERVED) & (scores[rows] > 0)]
        best = _largest(scores[rows], count)
        return _from(self._source, rows[best], scores[rows[best]].astype(np.float32))


class SparseSource:
    """The same where few items have a score."""

    def __init__(self, source: Source, scores: Callable[[Moment], SparseScores]) -> None:
        self._source = source
        self._scores = scores

    def propose(self, request: Request, count: int, allowed: Allowed | None = None) -> Candidates:
        """Best first; scores as the source counts them."""
        rows, values = self._scores(request.moment)
        is_open = values > 0 if allowed is None else (values > 0) & row_set(allowed).has(rows)
        if not is_open.all():
            rows, values = rows[is_open], values[is_open]
        best = _largest(values, count)
        return _from(self._source, rows[best], values[best].astype(np.float32))


class StandingSource:
    """A `scored` source whose scores are the same for every viewer as long as the counts keep their `version`."""

    def __init__(self, scored: ScoredSource, version: Callable[[LiveSignals], int]) -> None:
        self._scored = scored
        self._version = version
        self._order = StandingOrder()

    def propose(self, request: Request, count: int, allowed: Allowed | None = None) -> Candidates:
        """Best first; scores as the source counts them."""
        if allowed is not None:
            return self._scored.propose(request, count, allowed)
        signals = request.moment.signals
        version = (self._version(signals), request.moment.num_rows)
        return self._order.first(count, signals, version, lambda size: self._scored.propose(request, size))


def standard_sources(index: Searchable, bag: BagTables | None = None) -> Mapping[str, CandidateSource]:
    """All sources by the name of their count, and what answers a bag alone where there are tables for it."""
    alone = {} if bag is None else {BAG: bag_source(bag)}
    return alone | {
        "towers": TowerSource(index),
        "rules": SparseSource(Source.RULES, lambda moment: moment.trained_rules),
        "item_knn": SparseSource(Source.ITEM_KNN, lambda moment: moment.neighbours),
        "ease": SparseSource(Source.EASE, lambda moment: moment.linear),
        "live_rules": SparseSource(Source.LIVE_RULES, lambda moment: moment.live_rules),
        "session_rules": SparseSource(Source.LIVE_RULES, lambda moment: moment.session_rules),
        "trending_fast": _trending(FAST),
        "trending": _trending(HOUR),
        "trending_slow": _trending(SLOW),
        "segment": ScoredSource(Source.SEGMENT, lambda moment: moment.segment),
        "new": StandingSource(
            ScoredSource(Source.NEW, lambda moment: moment.first_ms), lambda signals: signals.num_appearances
        ),
        "similar": SimilarSource(index),
        "popularity": PopularSource(),
    }


def _trending(half_life: int) -> CandidateSource:
    scored = ScoredSource(Source.TRENDING, lambda moment: moment.velocity(half_life))
    return StandingSource(scored, lambda signals: signals.velocity.version)


def bag_source(tables: BagTables) -> CandidateSource:
    """Items that go well with the choices of the history, whatever their order."""

    def scores(moment: Moment) -> NDArray[np.float64]:
        chosen = moment.history.rows[is_choice(moment.history.actions)]
        return tables.scores(chosen, moment.num_rows)

    return ScoredSource(Source.TOWERS, scores)


def _nearest(
    index: Searchable,
    source: Source,
    vector: NDArray[np.float32] | None,
    count: int,
    allowed: Allowed | None,
) -> Candidates:
    if vector is None or count < 1 or (allowed is not None and len(allowed) == 0):
        return NOTHING
    found = index.search(vector[None, :], count, allowed)
    return _from(source, found.rows[0], found.scores[0])


def _from(source: Source, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> Candidates:
    return Candidates(rows, scores, np.full(len(rows), source, dtype=np.int8))


def _largest(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Places of the `count` largest values, best first, ties by place: a stable sort's head without the sort."""
    if count >= len(values):
        return np.argsort(-values, kind="stable")
    if count < 1:
        return np.empty(0, dtype=np.int64)
    cut = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > cut)
    level = np.flatnonzero(values == cut)[: count - len(above)]
    chosen = np.union1d(above, level)
    return chosen[np.argsort(-values[chosen], kind="stable")]
