"""Never without an answer: full -> a viewer's older vector -> order of retrieval -> what is popular -> a fixed list.

A stage that does not fit into the deadline is left out, a model that fails is replaced by the next rung.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from ranking.arrangement import Arrangement
from serving.catalogue import EVERYTHING, CatalogueFilter
from serving.deadline import ENDLESS, Deadline
from serving.errors import RequestError
from serving.recommendation import Recommendation, Step, lower
from serving.recommender import Recommender
from towers.query import Query

_LOG = logging.getLogger("marquee.serving")


@dataclass(frozen=True)
class Wish:
    """What is asked of a recommender."""

    query: Query
    k: int
    within: CatalogueFilter = EVERYTHING
    filter_seen: bool = True
    use_ranker: bool = True
    arrangement: Arrangement | None = None


class Ladder:
    """Answers wishes with the best rung that holds."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self._fallback = recommender.fallback

    def answer(self, wish: Wish, deadline: Deadline = ENDLESS) -> Recommendation:
        """The best answer that can be made; a RequestError names a field that cannot be used."""
        rungs: list[Callable[[], Recommendation]] = [lambda: self._towers(wish, deadline, use_ranker=wish.use_ranker)]
        if wish.use_ranker:
            rungs.append(lambda: _lowered(self._towers(wish, deadline, use_ranker=False)))
        for rung in rungs:
            try:
                return rung()
            except RequestError:
                raise
            except Exception:
                _LOG.exception("a model failed; a simpler order takes its place")
        return self.quick(wish)

    def quick(self, wish: Wish) -> Recommendation:
        """An answer without models, store or waiting."""
        try:
            return self._fallback.popular(wish.query, wish.k, wish.within, filter_seen=wish.filter_seen)
        except RequestError:
            raise
        except Exception:
            _LOG.exception("popularity failed; a fixed list takes its place")
            return self._fallback.static(wish.query, wish.k, wish.within, filter_seen=wish.filter_seen)

    def _towers(self, wish: Wish, deadline: Deadline, *, use_ranker: bool) -> Recommendation:
        return self._recommender.recommend(
            wish.query,
            wish.k,
            within=wish.within,
            filter_seen=wish.filter_seen,
            use_ranker=use_ranker,
            deadline=deadline,
            arrangement=wish.arrangement,
        )


def _lowered(answer: Recommendation) -> Recommendation:
    return replace(answer, degraded=True, step=lower(answer.step, Step.RETRIEVAL))
