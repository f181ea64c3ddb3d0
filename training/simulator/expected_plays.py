"""Plays a session of a closed loop without most of the luck in them, and with the same mean.

Viewers live on by what really happens, so later pages and days follow from it. Of each page counts the chance, by the
world's truth, that something on it is played. How often viewers come to a second page is luck too: what they played
beyond the chances, and how often they went on beyond what is to be expected, have the mean 0 and are regressed out
(control variates).
Shapes: M looks, I rows, J columns, K = I J slots, N sessions.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from towers.schema import EventType
from training.simulator.appeal import image_appeal
from training.simulator.attention import Kernel, glance_times
from training.simulator.events import CODES, EventBlock
from training.simulator.policies import EMPTY, Pages, Policy, Request
from training.simulator.service import LEAST_PATIENCE_S, MOST_VISITS, goes_on
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import World

NUM_LOOKS: Final = 64


class ExpectedPlays:
    """The pages of another policy, judged."""

    def __init__(self, inner: Policy, world: World, kernel: Kernel) -> None:
        self._inner = inner
        self._world = world
        self._kernel = kernel
        self._passed = defaultdict[int, set[int]](set)
        self._asked = dict[int, tuple[int, float]]()
        self._sums = defaultdict[int, NDArray[np.float64]](lambda: np.zeros(3))

    @property
    def name(self) -> str:
        """That of the policy."""
        return self._inner.name

    def pages(self, request: Request, num_slots: int) -> Pages:
        """The other policy's."""
        made, sessions = self._inner.pages(request, num_slots), request.sessions
        for s, session in enumerate(sessions.session.tolist()):
            one = request.only(s)
            glanced, passed = glances(self._world, self._kernel, one), np.array(sorted(self._passed[session]))
            chance = play_chance(self._world, one, made.only(s), glanced, passed)
            self._sums[session] += [chance, -chance, request.visit > 0]
            self._asked[session] = int(request.asked_ms[s]), float(sessions.patience_s[s])
        return made

    def observe(self, block: EventBlock) -> None:
        """What was passed over is not taken later in the session: a viewer's mind is made up once."""
        seen = block.take(block.event == CODES[EventType.IMPRESSION])
        for session, item in zip(seen.session.tolist(), seen.item.tolist(), strict=True):
            self._passed[session].add(item)
        plays = block.take((block.event == CODES[EventType.PLAY]) & (block.row >= 0))
        going_on = goes_on(plays.watch_s / plays.duration_s) * (plays.visit + 1 < MOST_VISITS)
        for session, ts_ms, chance in zip(plays.session.tolist(), plays.ts_ms.tolist(), going_on, strict=True):
            asked_ms, patience_s = self._asked[session]
            is_patient = patience_s - (ts_ms - asked_ms) / 1000 > LEAST_PATIENCE_S
            self._sums[session] += [0, 1, -chance * is_patient]
        self._inner.observe(block)

    @property
    def sessions(self) -> NDArray[np.float64]:
        """Of each session with a page: its chances, and by how much plays and further pages exceed them [N, 3]."""
        return np.array(list(self._sums.values())).reshape(-1, 3)

    @property
    def a_session(self) -> float:
        """Plays from the page that are to be expected, per session that opened it."""
        sums = self.sessions
        luck = np.column_stack([np.ones(len(sums)), sums[:, 1:]])
        return float(np.linalg.lstsq(luck, sums[:, 0], rcond=None)[0][0])


def glances(world: World, kernel: Kernel, request: Request) -> NDArray[np.bool_]:
    """Slots [M, I, J] that the eye of a request's one viewer may fall on, the same whatever stands there."""
    sessions = request.sessions
    rng = np.random.default_rng([int(sessions.viewer[0]), int(sessions.number[0]), request.visit])
    return kernel.glances(rng.random((NUM_LOOKS, world.config.num_rows, world.config.num_columns)))


def play_chance(
    world: World, request: Request, pages: Pages, glanced: NDArray[np.bool_], passed: NDArray[np.int64] | None = None
) -> float:
    """Chance that the one viewer of a request plays something on the one page; images by chance where none is chosen.

    A title that stands there twice is taken or left once; those of `passed` were left already.
    """
    items = np.maximum(pages.items, 0)
    choices = [np.full(items.shape, image) for image in range(NUM_IMAGES)] if pages.images is None else [pages.images]
    odds = request.odds[:, items[0]]
    taken = [1 / (1 + np.exp(-(odds + image_appeal(world, request.sessions, items, images)))) for images in choices]
    is_there = (pages.items != EMPTY).reshape(glanced.shape[1:])
    is_seen = glance_times(glanced & is_there) <= request.sessions.patience_s[0]
    titles, first, which = np.unique(pages.items[0], return_index=True, return_inverse=True)
    sees = np.zeros((len(is_seen), len(titles)), dtype=np.bool_)
    np.logical_or.at(sees.T, which, is_seen.T)
    is_open = np.ones(len(titles)) if passed is None else ~np.isin(titles, passed)
    left = 1 - np.mean(taken, axis=0)[0, first] * is_open * sees
    return float((1 - left.prod(axis=1)).mean())
