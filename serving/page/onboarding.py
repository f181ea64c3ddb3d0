"""Asks a newcomer with one bundle: its viewers are the crowd, and nothing is asked that the viewer must not see.

Answers are events like any other, with `ROW_ID` as their row: a like is a thumb up, a dislike a thumb down, and a title
without an opinion was looked at. So they are durable, are in the next page, give way to what is watched, and can be
taken back. Shapes: R item rows, A answers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.crowd import crowd_of
from ranking.newcomer import Newcomer
from ranking.onboarding import Answers, Asker
from serving.bundle import Bundle
from serving.events import ONBOARDING
from serving.page.messages import Grid

ROW_ID = ONBOARDING
"""Of the events that answers become."""


class Asking(NamedTuple):
    """What is known when titles are chosen. allowed: bool [R]. asked, liked, disliked: int64 [A] rows."""

    allowed: NDArray[np.bool_]
    asked: NDArray[np.int64]
    liked: NDArray[np.int64]
    disliked: NDArray[np.int64]


class Onboarding:
    """The crowd is gathered when somebody first asks: under a second for thousands of viewers."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._asker: Asker | None = None

    def rows(self, grid: Grid, asking: Asking, k: int) -> NDArray[np.int64]:
        """Up to k rows to ask about, most worth asking first, none of them asked already."""
        if self._asker is None:
            self._asker = asker_of(self._bundle)
        asker, crowd = self._asker, self._asker.crowd
        answers = Answers(*(crowd.places(rows) for rows in (asking.liked, asking.disliked, asking.asked)))
        ask = {"popular": asker.popular, "diverse": asker.diverse, "adaptive": asker.adaptive}[grid]
        rows: NDArray[np.int64] = crowd.rows[ask(k, answers, asking.allowed[crowd.rows])]
        return rows


def asker_of(bundle: Bundle, seed: int = 0) -> Asker:
    """An asker from the histories of a bundle."""
    crowd = crowd_of(bundle.histories, np.asarray(bundle.item_vectors))
    return Asker(crowd, Newcomer().fitted(crowd, np.random.default_rng(seed)))
