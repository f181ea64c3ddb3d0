"""What micro-genres are worth: do their titles belong together, and do they hold what a viewer watches next?

Shapes: N titles, D factors, G micro-genres, V viewers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.micro_genres import MicroGenres
from towers.vocabulary import NUM_RESERVED

ROWS, FIRST = 5, 10
HEAD: Final = 300
"""Likeliest titles of a viewer, by which rows are chosen."""

PULL: Final = 0.25
"""How much rows of genres that a viewer watches more than others are preferred; chosen before the judged tenth."""


class Coherence(NamedTuple):
    """Standard scores against random sets of the same size: of all genres together, the median one, the share >= 5."""

    together: float
    median: float
    share: float


def coherence(
    genres: MicroGenres, vectors: NDArray[np.float64], rng: np.random.Generator, draws: int = 60
) -> Coherence:
    """Mean likeness of two titles of a genre; `vectors` [R, D] have unit length and know nothing of names."""
    rows = np.flatnonzero(vectors.any(axis=1))
    sizes = np.diff(genres.offsets)
    mean, spread = {}, {}
    for size in np.unique(sizes).tolist():
        found = [_likeness(vectors[rng.choice(rows, min(size, len(rows)), replace=False)]) for _ in range(draws)]
        mean[size], spread[size] = float(np.mean(found)), float(np.std(found))
    own = np.array([_likeness(vectors[genres.titles(g)]) for g in range(genres.num_genres)])
    expected = np.array([mean[size] for size in sizes.tolist()])
    error = np.array([max(spread[size], 1e-9) for size in sizes.tolist()])
    scores = (own - expected) / error
    together = float((own - expected).mean() / (np.sqrt((error**2).sum()) / len(error)))
    return Coherence(together, float(np.median(scores)), float((scores >= 5).mean()))


def _likeness(vectors: NDArray[np.float64]) -> float:
    count = len(vectors)
    total = float((vectors.sum(axis=0) ** 2).sum())
    return (total - count) / max(count * (count - 1), 1)


def next_watch_recall(
    groups: Sequence[NDArray[np.int64]],
    histories: Sequence[NDArray[np.int64]],
    targets: NDArray[np.int64],
    likings: Sequence[NDArray[np.float64]],
    popularity: NDArray[np.float64],
    rng: np.random.Generator | None = None,
) -> float:
    """Share of viewers whose next title stands in the first 10 of 5 rows, which are chosen for it, or by `rng`.

    groups: rows of titles, which each viewer is shown by `likings` [V of R], unseen ones alone. popularity: [R].
    """
    sizes = [np.ones(len(each), dtype=np.float32) for each in groups]
    genres = MicroGenres.of([""] * len(groups), [()] * len(groups), groups, sizes, len(popularity))
    base = genres.weights(np.arange(len(popularity)), popularity / popularity.sum())
    hits = []
    for history, target, liking in zip(histories, targets.tolist(), likings, strict=True):
        unseen = np.where(np.isin(np.arange(len(liking)), history), -np.inf, liking)
        unseen[:NUM_RESERVED] = -np.inf
        order = np.argsort(-unseen, kind="stable")[: int(np.isfinite(unseen).sum())]
        newest = history[-50:]
        ages = np.arange(len(newest), dtype=np.float64)[::-1]
        lift = np.exp(PULL * genres.affinity(newest, np.asarray(0.97**ages), base))
        rows = _chosen(genres, order[:HEAD], lift) if rng is None else rng.permutation(len(groups))[:ROWS].tolist()
        hits.append(target in _shown(genres, rows, order))
    return float(np.mean(hits))


def _chosen(genres: MicroGenres, best: NDArray[np.int64], lift: NDArray[np.float64]) -> list[int]:
    """Five genres: each time the one whose first ten titles not shown yet promise most, its affinity with them.

    best: titles [K] from the likeliest on; each is taken to be as likely as its place says.
    """
    place, genre, _ = genres.pairs(best)
    order = np.lexsort((place, genre))
    place, genre, is_free, rows = place[order], genre[order], np.ones(len(best), dtype=np.bool_), list[int]()
    for _ in range(min(ROWS, genres.num_genres)):
        open_ = is_free[place]
        places, owner = place[open_], genre[open_]
        turn = np.arange(len(owner)) - np.searchsorted(owner, owner)
        first = turn < FIRST
        gain = lift * np.bincount(owner[first], 1 / (places[first] + 10), genres.num_genres)
        gain[rows] = -1
        rows.append(int(gain.argmax()))
        is_free[places[first & (owner == rows[-1])]] = False
    return rows


def _shown(genres: MicroGenres, rows: Sequence[int], order: NDArray[np.int64]) -> set[int]:
    """The first ten titles of each row in the order of the viewer, none of them twice."""
    shown: dict[int, None] = {}
    for row in rows:
        own = order[np.isin(order, genres.titles(row))].tolist()
        shown |= dict.fromkeys([title for title in own if title not in shown][:FIRST])
    return set(shown)
