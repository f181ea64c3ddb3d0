"""The stages between a request and its items: sources propose, filters remove, a scorer orders, an arranger cuts.

Each stage reports what it kept and removed and how long it took. Shapes: K candidates, N item rows in use, D embedding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from index.row_set import Allowed, RowSet
from index.topk import Candidates
from ranking.merge import Merged
from ranking.moment import Moment
from towers.history import History


class Source(IntEnum):
    """Who proposed a candidate."""

    TOWERS = 0
    POPULARITY = 1
    RULES = 2
    LIVE_RULES = 3
    TRENDING = 4
    SEGMENT = 5
    NEW = 6
    SIMILAR = 7
    ITEM_KNN = 8
    EASE = 9


@dataclass(frozen=True, eq=False)
class Request:
    """What the stages know of one request.

    moment: what sources and ranker see. popularity: float64 [N] shares now.
    """

    moment: Moment
    popularity: NDArray[np.float64]

    @property
    def history(self) -> History:
        """The whole history, known items only."""
        return self.moment.history

    @property
    def ts_ms(self) -> int:
        """When it was asked."""
        return self.moment.ts_ms

    @property
    def context(self) -> NDArray[np.int64]:
        """Codes [C]."""
        return self.moment.context

    @property
    def vector(self) -> NDArray[np.float32] | None:
        """float32 [D] of the user tower; None when it failed."""
        return self.moment.vector


class CandidateSource(Protocol):
    """Proposes items for a request."""

    def propose(self, request: Request, count: int, allowed: Allowed | None = None) -> Candidates:
        """Up to `count` distinct items, best first, only rows of `allowed` when given; empty when it cannot answer."""
        ...


class Filter(Protocol):
    """Removes items that must not be answered; `num_removable` bounds how many it can ever remove."""

    @property
    def name(self) -> str: ...

    @property
    def num_removable(self) -> int: ...

    def keeps(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether it lets each of the rows through."""
        ...

    def narrow(self, rows: RowSet) -> RowSet:
        """Those of the rows that it lets through."""
        ...


class Scorer(Protocol):
    """Values candidates with the behaviour and context of the moment; larger is better.

    `counts` says how many candidates it wants of each source.
    """

    @property
    def counts(self) -> Mapping[str, int]: ...

    def score(self, request: Request, merged: Merged) -> NDArray[np.float64]: ...


class StageReport(NamedTuple):
    """Items that left a stage and items it removed, and its wall-clock time."""

    name: str
    kept: int
    removed: int
    ms: float


class Stages:
    """Collects the reports of one request; a stage's time runs from the report before it."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._since = clock()
        self.reports: list[StageReport] = []

    def note(self, name: str, kept: int, removed: int = 0) -> None:
        """Close a stage."""
        now = self._clock()
        self.reports.append(StageReport(name, kept, removed, (now - self._since) * 1000))
        self._since = now


def take(candidates: Candidates, where: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Candidates:
    """The candidates at the given places."""
    return Candidates(candidates.rows[where], candidates.scores[where], candidates.source[where])


def join(first: Candidates, then: Candidates) -> Candidates:
    """`first` followed by `then`."""
    return Candidates(
        np.concatenate([first.rows, then.rows]),
        np.concatenate([first.scores, then.scores]),
        np.concatenate([first.source, then.source]),
    )


def behind(floor: float, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores moved below `floor`, their distances kept: what follows a list orders after it."""
    below: NDArray[np.float32] = np.float32(floor - 1) + (scores - scores.max(initial=-np.inf))
    return below


class Eligible(NamedTuple):
    """How to search past filters: rows to search among (None: all), and how many more to ask for."""

    allowed: RowSet | None
    overfetch: int


def eligible(filters: Sequence[Filter], every: Callable[[], RowSet], max_overfetch: int) -> Eligible:
    """Few removable items are cheapest to over-fetch; more of them, and the search gets the allowed ones of `every`."""
    num_removable = sum(each.num_removable for each in filters)
    if num_removable <= max_overfetch:
        return Eligible(None, num_removable)
    rows = every()
    for each in filters:
        rows = each.narrow(rows)
    return Eligible(rows, 0)
