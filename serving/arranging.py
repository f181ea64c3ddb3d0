"""The stage after the score: from candidates with scores to the list in its order, each with the chance it had."""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates
from ranking.arrangement import Arrangement
from ranking.diversity import Pool, arranged, explored
from serving.catalogue import Catalogue
from serving.pipeline import Request, take
from serving.tastes import Tastes

EXPLORED = 2
"""Titles that a list with something left to chance is drawn from, for each of its places."""


class Arranged(NamedTuple):
    """The list [N] in its order; propensities: float64 [N], the chance of each title at its place given those above."""

    candidates: Candidates
    propensities: NDArray[np.float64]


class Arranger:
    """Selector of the pipeline. The same request gets the same list: what is drawn depends on viewer and time alone."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def select(self, request: Request, candidates: Candidates, k: int, wish: Arrangement) -> Arranged:
        """At most k candidates, by default the best ones, ties in the order of the candidates."""
        best = take(candidates, np.argsort(-candidates.scores, kind="stable"))
        if not wish.reorders and not wish.exploration:
            return Arranged(take(best, slice(k)), np.ones(min(k, len(best.rows))))
        pool, reach = take(best, slice(wish.pool_size(k))), EXPLORED * k if wish.exploration else k
        in_order = arranged(self._pool(request, pool, wish), reach, wish) if wish.reorders else slice(reach)
        reached = take(pool, in_order)
        drawn = explored(len(reached.rows), k, wish.exploration, _chance(request))
        return Arranged(take(reached, drawn.places), drawn.propensities)

    def _pool(self, request: Request, pool: Candidates, wish: Arrangement) -> Pool:
        wanted = self._tastes.mix(request.history) if wish.taste_match else self._tastes.mix(request.history.last(0))
        return Pool(
            pool.scores.astype(np.float64),
            request.moment.vectors_of(pool.rows),
            self._tastes.of(pool.rows),
            wanted,
            self._catalogue.people(pool.rows),
        )

    @cached_property
    def _tastes(self) -> Tastes:
        return Tastes(self._catalogue.genre_labels)


def _chance(request: Request) -> np.random.Generator:
    """A generator of the request's own: asked again, it draws the same."""
    name = (request.moment.user_id or "").encode()
    return np.random.default_rng([zlib.crc32(name), abs(request.ts_ms)])
