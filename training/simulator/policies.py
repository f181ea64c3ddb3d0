"""Who fills the page: the service of before, and the yardsticks random, popularity and oracle.

Shapes: S sessions, K slots in reading order, N titles, T genres.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from training.simulator.draws import Draws, Stream
from training.simulator.events import EventBlock
from training.simulator.sessions import Sessions
from training.simulator.state import State
from training.simulator.world import World

FOR_EVERYBODY, FOR_YOU, PERSONAL = 0, 1, 2
"""Row types of a page from a policy; see `events.ROW_TYPES`."""


EMPTY: Final = -1
"""In place of a title: nothing stands in the slot."""


class Pages(NamedTuple):
    """items: int64 [S, K], EMPTY where a row ends early. propensity: float32 [S, K], chance of the item in its slot
    given the slots before; NaN where it is not known. row_type: int64 [S]. images: int64 [S, K], the image of each
    item; None leaves the choice to the loop. previews: bool [S, K], which of them move; None moves nothing.
    """

    items: NDArray[np.int64]
    propensity: NDArray[np.float32]
    row_type: NDArray[np.int64]
    images: NDArray[np.int64] | None = None
    previews: NDArray[np.bool_] | None = None

    def only(self, s: int) -> Pages:
        """The page of one of the sessions."""
        return Pages._make(None if part is None else part[s : s + 1] for part in self)


class Request(NamedTuple):
    """Sessions that open a page, with the patience left to them: their `visit` of the session, odds [S, N] as a hidden
    truth, allowed titles [S, N].
    """

    sessions: Sessions
    visit: int
    odds: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    asked_ms: NDArray[np.int64]

    def only(self, s: int) -> Request:
        """One of the sessions."""
        one = slice(s, s + 1)
        sessions = self.sessions.take(np.array([s]))
        return Request(sessions, self.visit, self.odds[one], self.allowed[one], self.asked_ms[one])


class Policy(Protocol):
    """Something that fills pages. Only the oracle looks at a request's odds."""

    @property
    def name(self) -> str: ...

    def pages(self, request: Request, num_slots: int) -> Pages:
        """A page for each session, of allowed titles alone."""
        ...

    def observe(self, block: EventBlock) -> None:
        """Take in what viewers did."""
        ...


class Yardstick:
    """Learns nothing by itself."""

    def observe(self, block: EventBlock) -> None:
        """Nothing: what it needs lies in the state."""


class RandomPolicy(Yardstick):
    """Any allowed title."""

    name = "random"

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def pages(self, request: Request, num_slots: int) -> Pages:
        """Uniform order, another for each page."""
        keys = _keys(request)
        scores = self._draws.uniform(Stream.RANDOM_POLICY, *keys).astype(np.float32)
        return certain(best(scores, request.allowed, num_slots), FOR_EVERYBODY)


class PopularityPolicy(Yardstick):
    """What was played most of late."""

    name = "popularity"

    def __init__(self, state: State) -> None:
        self._state = state

    def pages(self, request: Request, num_slots: int) -> Pages:
        """The same order for everybody, less what the profile has seen."""
        scores = np.broadcast_to(self._state.plays.astype(np.float32), request.odds.shape)
        return certain(best(scores, request.allowed, num_slots), FOR_EVERYBODY)


class OraclePolicy(Yardstick):
    """Knows taste and moment, but not the chances of the day."""

    name = "oracle"

    def pages(self, request: Request, num_slots: int) -> Pages:
        """Titles in the order of their true odds."""
        return certain(best(request.odds, request.allowed, num_slots), PERSONAL)


class HousePolicy(Yardstick):
    """The service of before: half of the sessions see what is popular, half what fits the genres they played.

    Every slot is drawn in proportion to weights, so that its propensity is known; a share is left to chance.
    """

    name: Final = "house"

    def __init__(self, world: World, state: State, draws: Draws, explore: float = 0.25) -> None:
        self._world = world
        self._state = state
        self._draws = draws
        self._explore = explore

    def pages(self, request: Request, num_slots: int) -> Pages:
        """Titles drawn one after the other without putting back (Plackett-Luce, by the Gumbel trick)."""
        sessions = request.sessions
        is_personal = self._draws.uniform(Stream.HOUSE, sessions.viewer, sessions.number) < 0.5
        weights = self._weights(request, is_personal)
        keys = _keys(request)
        scores = np.log(np.maximum(weights, 1e-30)) + self._draws.gumbel(Stream.HOUSE, *keys)
        items = best(scores, request.allowed, num_slots)
        chosen = np.take_along_axis(weights, items, axis=1)
        left = 1 - np.cumsum(chosen, axis=1) + chosen
        propensity = np.clip(chosen / np.maximum(left, 1e-6), 0, 1).astype(np.float32)
        return Pages(items, propensity, np.where(is_personal, FOR_YOU, FOR_EVERYBODY))

    def _weights(self, request: Request, is_personal: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Chance [S, N] of each title in the first slot."""
        known = (self._state.plays / self._state.plays.sum()).astype(np.float32)
        labels = self._world.titles.labels
        played = self._state.genre_plays[request.sessions.profile] + 0.5
        liking = (played / played.sum(axis=1, keepdims=True)) @ (labels / labels.sum(axis=1, keepdims=True)).T
        weights = np.where(is_personal[:, None], np.sqrt(known) * liking.astype(np.float32) ** 2, np.sqrt(known))
        weights = np.where(request.allowed, weights, 0)
        even = request.allowed / request.allowed.sum(axis=1, keepdims=True)
        mixed = (1 - self._explore) * weights / weights.sum(axis=1, keepdims=True) + self._explore * even
        return np.asarray(mixed, dtype=np.float32)


def best(scores: NDArray[np.float32], allowed: NDArray[np.bool_], num_slots: int) -> NDArray[np.int64]:
    """The allowed titles [S, K] of the largest scores [S, N], best first."""
    ranked = np.where(allowed, scores, -np.inf)
    top = np.argpartition(-ranked, num_slots - 1, axis=1)[:, :num_slots]
    order = np.argsort(-np.take_along_axis(ranked, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)


def certain(items: NDArray[np.int64], row_type: int) -> Pages:
    """Pages of a policy that leaves nothing to chance."""
    return Pages(items, np.ones(items.shape, dtype=np.float32), np.full(len(items), row_type))


def rows_of(
    rows: Sequence[Sequence[int]], images: Sequence[Sequence[int]], num_rows: int, num_columns: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One page's rows of titles and of their images as slots [K] in reading order; what does not fit is cut off."""
    items, shown = np.full((num_rows, num_columns), EMPTY), np.zeros((num_rows, num_columns), dtype=np.int64)
    for place, (row, pictures) in enumerate(zip(rows[:num_rows], images[:num_rows], strict=True)):
        count = min(len(row), num_columns)
        items[place, :count], shown[place, :count] = row[:count], pictures[:count]
    return items.ravel(), shown.ravel()


def _keys(request: Request) -> tuple[NDArray[np.int64], ...]:
    """Keys of a draw for each session, visit and title."""
    titles = np.arange(request.allowed.shape[1])
    sessions = request.sessions
    return sessions.viewer[:, None], sessions.number[:, None], np.array(request.visit), titles
