"""What micro-genres are worth: do their titles belong together, and do they hold what a viewer watches next?

Shapes: N titles, D factors, G micro-genres, V viewers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.micro_genres import MicroGenres

ROWS, FIRST = 5, 10


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
    popularity: NDArray[np.float64],
    rng: np.random.Generator | None = None,
) -> float:
    """Share of viewers whose next title stands in the first 10 of 5 rows; rows are chosen by affinity, or by `rng`.

    groups: rows of titles, of which each viewer is shown the most popular unseen ones.
    """
    membership = np.zeros((len(groups), len(popularity)))
    for g, titles in enumerate(groups):
        membership[g, titles] = 1
    base = membership @ popularity / popularity.sum()
    ordered = [titles[np.argsort(-popularity[titles], kind="stable")] for titles in groups]
    hits = [
        target in _shown(ordered, history, popularity, _lift(membership, base, history), rng)
        for history, target in zip(histories, targets.tolist(), strict=True)
    ]
    return float(np.mean(hits))


def _lift(
    membership: NDArray[np.float64], base: NDArray[np.float64], history: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How much more of each group the newest 50 titles hold than an average viewer's do."""
    newest = history[-50:]
    weights = 0.97 ** np.arange(len(newest))[::-1]
    mine = membership[:, newest] @ weights
    return np.asarray((mine + 4 * base) / ((weights.sum() + 4) * base + 1e-9))


def _shown(
    ordered: Sequence[NDArray[np.int64]],
    history: NDArray[np.int64],
    popularity: NDArray[np.float64],
    lift: NDArray[np.float64],
    rng: np.random.Generator | None,
) -> set[int]:
    """Titles of five rows: each time the group that promises most of what is not shown yet."""
    shown: set[int] = set()
    out = np.zeros(len(popularity), dtype=np.bool_)
    out[history] = True
    if rng is not None:
        candidates = rng.permutation(len(ordered)).tolist()
    else:
        promise = np.array([popularity[titles[:FIRST]].sum() for titles in ordered]) * lift
        candidates = np.argsort(-promise, kind="stable")[:60].tolist()
    for _ in range(ROWS):
        heads = {g: ordered[g][~out[ordered[g]]][:FIRST] for g in candidates}
        best = candidates[0] if rng is not None else max(heads, key=lambda g: popularity[heads[g]].sum() * lift[g])
        candidates.remove(best)
        shown |= set(heads[best].tolist())
        out[heads[best]] = True
    return shown
