"""Previews at work in a simulated service: decided for the titles that another policy chose, and learned from.

Shapes: S sessions, K slots, E events, P profiles, N titles.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit, features_of
from serving.page.previews import ARMS, choose
from towers.schema import EventType
from training.simulator.events import CODES, EventBlock
from training.simulator.policies import Pages, Policy, Request
from training.simulator.sessions import PHONE
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import DAY_MS

STICKY_DAYS: Final = 7


class Previews(StrEnum):
    """Who decides: nobody plays any, all play, chance, or the bandit: of what is watched, guarded, or of clicks."""

    NEVER = "never"
    ALWAYS = "always"
    CHANCE = "chance"
    QUALITY = "quality"
    CLICKS = "clicks"


class PreviewPolicy:
    """Pages of another policy; a profile goes on seeing a title's preview, or none, for a week."""

    def __init__(self, inner: Policy, how: Previews, bandit: ArtworkBandit) -> None:
        self._inner = inner
        self._how = how
        self.bandit = bandit

    @property
    def name(self) -> str:
        """That of the policy that chose the titles, and who decides on previews."""
        return f"{self._inner.name} + previews {self._how}"

    def pages(self, request: Request, num_slots: int) -> Pages:
        """The other policy's pages, some of whose titles move."""
        pages = self._inner.pages(request, num_slots)
        items, sessions = np.maximum(pages.items, 0), request.sessions
        if self._how in {Previews.NEVER, Previews.ALWAYS}:
            return pages._replace(previews=np.full(items.shape, self._how is Previews.ALWAYS))
        week = sessions.start_ms // (STICKY_DAYS * DAY_MS)
        keys = (sessions.profile.astype(np.uint64) << np.uint64(24) ^ week.astype(np.uint64))[:, None]
        keys = keys << np.uint64(20) ^ items.astype(np.uint64)
        plays = np.zeros(items.shape, dtype=np.bool_)
        for s in range(len(items)):
            if self._how is Previews.CHANCE:
                plays[s] = keys[s] * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(63) > 0
            else:
                is_phone, is_late = bool(sessions.device[s] == PHONE), bool(sessions.is_late[s])
                plays[s] = choose(self.bandit, items[s], keys[s], is_phone, is_late).images > 0
        return pages._replace(previews=plays)

    def observe(self, block: EventBlock) -> None:
        """Learn, and let the other policy learn."""
        self._inner.observe(block)
        teach(self.bandit, block, counts_clicks=self._how is Previews.CLICKS)


def teach(bandit: ArtworkBandit, block: EventBlock, counts_clicks: bool) -> None:
    """What was seen and played of titles on pages."""
    block = block.take(block.image >= 0)
    arms = (block.image >= NUM_IMAGES).astype(np.int64)
    hour = (block.ts_ms // 3_600_000 + block.zone_h) % 24
    features: NDArray[np.float64] = features_of(ARMS[arms], block.device == PHONE, (hour >= 22) | (hour < 5))
    for e in np.flatnonzero(block.event == CODES[EventType.IMPRESSION]).tolist():
        bandit.show(int(block.item[e]), int(arms[e]), features[e])
    for e in np.flatnonzero(block.event == CODES[EventType.PLAY]).tolist():
        share = min(float(block.watch_s[e] / block.duration_s[e]), 1.0)
        bandit.play(int(block.item[e]), int(arms[e]), features[e], share, 1.0 if counts_clicks else share)
