"""Asks a newcomer with one bundle: its viewers are the crowd, and nothing is asked that the viewer must not see.

Answers are events like any other, with `ROW_ID` as their row: a like is a thumb up, a dislike a thumb down, and a title
without an opinion was looked at. So they are durable, are in the next page, give way to what is watched, and can be
taken back. Shapes: R item rows, A answers.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.topk import Candidates
from ranking.crowd import crowd_of
from ranking.newcomer import Newcomer
from ranking.onboarding import Answers, Asker
from serving.bundle import Bundle
from serving.events import ONBOARDING
from serving.page.messages import Grid
from serving.page.newcomer import NewcomerOdds, blended, share_of
from serving.page.viewers import LiveViewer
from serving.pipeline import Request
from towers.schema import EventType

ROW_ID = ONBOARDING
"""Of the events that answers become."""


class Asking(NamedTuple):
    """What is known when titles are chosen. allowed: bool [R]. asked, liked, disliked: int64 [A] rows."""

    allowed: NDArray[np.bool_]
    asked: NDArray[np.int64]
    liked: NDArray[np.int64]
    disliked: NDArray[np.int64]


class Onboarding:
    """The crowd is gathered when a newcomer first comes: under a second for thousands of viewers."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def rows(self, grid: Grid, asking: Asking, k: int) -> NDArray[np.int64]:
        """Up to k rows to ask about, most worth asking first, none of them asked already."""
        asker, crowd = self._asker, self._asker.crowd
        answers = Answers(*(crowd.places(rows) for rows in (asking.liked, asking.disliked, asking.asked)))
        ask = {"popular": asker.popular, "diverse": asker.diverse, "adaptive": asker.adaptive}[grid]
        rows: NDArray[np.int64] = crowd.rows[ask(k, answers, asking.allowed[crowd.rows])]
        return rows

    def heard(self, request: Request, scored: Candidates, num_answers: int) -> Candidates:
        """Scored candidates, best first, with the say that the viewer's answers have."""
        share = share_of(num_answers, len(request.history.rows))
        return scored if share == 0 else blended(scored, self._odds(request, scored.rows), share)

    @cached_property
    def _asker(self) -> Asker:
        crowd = crowd_of(self._bundle.histories, np.asarray(self._bundle.item_vectors))
        return Asker(crowd, Newcomer().fitted(crowd, np.random.default_rng(0)))

    @cached_property
    def _odds(self) -> NewcomerOdds:
        return NewcomerOdds.of(self._bundle, self._asker.newcomer)


def num_answers(viewer: LiveViewer) -> int:
    """Likes and dislikes that the viewer gave when asked, and that still count."""
    said = {event.item_id: event.event for event in viewer.events if event.row_id == ROW_ID}
    return sum(kind in {EventType.THUMB_UP, EventType.THUMB_DOWN} for kind in said.values())
