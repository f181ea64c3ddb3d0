"""One scorer's answers to all queries, in bounded memory: as full score blocks or as lists of a real recommender.

Shapes: Q queries, B queries of a block, R item rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from towers.history import History
from training.evaluation.metrics import CUTS, list_ranks, target_ranks, top_rows
from training.evaluation.queries import Queries

SHOWN: Final = 10
BLOCK_BYTES: Final = 128_000_000
BYTES_A_CELL: Final = 24
"""Scores, masks and sorted copies that live at once, for each query and row of a block."""

Recommend = Callable[[int], NDArray[np.int64]]
"""Rows answered to the query of this index, best first and distinct."""


class BlockScorer(Protocol):
    """Scores the whole catalogue for a block of viewers; every `Baseline` is one."""

    def score(self, histories: list[History], request_ts_ms: NDArray[np.int64]) -> NDArray[np.float32]:
        """Finite scores [B, R]."""
        ...


@dataclass(frozen=True, eq=False)
class Result:
    """What one scorer did. ranks: float64 [Q] of the targets. top: int64 [Q, 10] of rows, PAD where shorter.

    duration_s: for all queries, and for the fit of a baseline.
    """

    name: str
    ranks: NDArray[np.float64]
    top: NDArray[np.int64]
    duration_s: float


def block_size_for(num_rows: int) -> int:
    """Queries a block that keep one block within `BLOCK_BYTES`."""
    return int(np.clip(BLOCK_BYTES // (BYTES_A_CELL * num_rows), 1, 1024))


def evaluate_scores(
    name: str,
    scorer: BlockScorer,
    queries: Queries,
    num_rows: int,
    block_size: int | None = None,
    has_progress: bool = False,
) -> Result:
    """Rank every target over the whole catalogue; the block size bounds memory and changes no figure."""
    started = time.perf_counter()
    size = block_size or block_size_for(num_rows)
    ranks, tops = [], []
    for start in _tracked(range(0, len(queries), size), name, has_progress):
        part = slice(start, min(start + size, len(queries)))
        scores = scorer.score(list(queries.histories[part]), queries.request_ts_ms[part])
        excluded = queries.excluded(part, num_rows)
        ranks.append(target_ranks(scores, queries.targets[part], excluded, start))
        tops.append(top_rows(scores, excluded, SHOWN))
    top = np.concatenate([*tops, np.empty((0, min(SHOWN, num_rows)), dtype=np.int64)])
    return Result(name, np.concatenate([*ranks, np.empty(0)]), top, time.perf_counter() - started)


def evaluate_lists(
    name: str, recommend: Recommend, queries: Queries, k: int = max(CUTS), has_progress: bool = False
) -> Result:
    """Find every target in the first k rows of the list that the query gets, as a viewer would."""
    started = time.perf_counter()
    ranks = np.full(len(queries), np.inf)
    top = np.zeros((len(queries), SHOWN), dtype=np.int64)
    for query in _tracked(range(len(queries)), name, has_progress):
        rows = recommend(query)[:k]
        ranks[query] = list_ranks([rows], queries.targets[query : query + 1], first_query=query)[0]
        top[query, : min(len(rows), SHOWN)] = rows[:SHOWN]
    return Result(name, ranks, top, time.perf_counter() - started)


def _tracked(steps: range, name: str, has_progress: bool) -> Iterator[int]:
    bar = Progress(
        TextColumn("{task.description:>20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not has_progress,
    )
    with bar:
        tracked: Iterable[int] = bar.track(steps, description=name)
        yield from tracked
