"""The homepage as a policy: whole pages with rows, reasons and images, from the very code that serves them.

Shapes: S sessions, K slots.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import numpy as np

from ranking.artwork import ArtworkBandit
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.events import Event
from serving.page.artwork_learner import ArtworkLearner, PreviewLearner
from serving.page.controls import MemorySettings
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import PageResponse, Sizes
from serving.page.parts import PageParts
from serving.page.strategies import Rules
from serving.page.variants import image_of
from serving.page.viewers import LiveViewers
from towers.schema import HISTORY_EVENTS, EventType
from training.simulator.bundle_policy import later_events
from training.simulator.events import COMPANIONS, EVENTS, EventBlock
from training.simulator.policies import PERSONAL, Pages, Request, rows_of
from training.simulator.sessions import Sessions
from training.simulator.viewers import DEVICES
from training.simulator.world import World, item_ids, profile_ids

TOLD: Final = np.array([event in HISTORY_EVENTS | {EventType.IMPRESSION} for event in EVENTS])

ROWS: Final = {"continue_watching": 0, "my_list": 0, "watch_again": 0, "because_you_watched": 3, "micro_genre": 6}
"""Viewers of the simulated service reach what they know without the page, which shows new titles alone."""


@dataclass(frozen=True)
class PagePolicyConfig:
    """How pages are made; what follows the strategy is for experiments.

    `artwork` is bandit, click (rewarded by the play alone, no guard) or random. `shuffles` puts the rows in any order.
    """

    strategy: str = "stagewise"
    attention: str = "geometric"
    artwork: str = "bandit"
    may_repeat: bool = False
    shuffles: bool = False
    most: Mapping[str, int] = field(default_factory=lambda: dict(ROWS))


class PagePolicy:
    """Asks `Homepage.page` in process and records what viewers see and do in its live state."""

    def __init__(self, home: Homepage, world: World, config: PagePolicyConfig, name: str) -> None:
        self.name = name
        self._home = home
        self._world = world
        self._config = config
        self._profiles = profile_ids(world.viewers.num_profiles)
        self._items = item_ids(world.titles.num_titles)
        self._number_of = {item: number for number, item in enumerate(self._items)}

    @classmethod
    def open(cls, bundle: Bundle, world: World, log: Path, config: PagePolicyConfig, name: str) -> Self:
        """The bundle with fresh state that has heard of the events in the log which came after its training."""
        recommender = assemble(bundle, clock_ms=lambda: bundle.manifest.trained_until_ms)
        for event in later_events(log, bundle.manifest.trained_until_ms):
            recommender.state.record(event)
        counts_clicks = config.artwork == "click"
        parts, live = PageParts.load(bundle), LiveViewers()
        home = Homepage(
            recommender, parts, live, MemorySettings(), _bandit(bundle, counts_clicks), page_settings(config)
        )
        recommender.state.tell(live)
        learner = ArtworkLearner(home.presenter.bandit, home.imagery, recommender.state, counts_clicks)
        recommender.state.tell(learner)
        recommender.state.tell(PreviewLearner(home.presenter.previews, home.imagery, recommender.state))
        return cls(home, world, config, name)

    def pages(self, request: Request, num_slots: int) -> Pages:
        """One request a page, in the order of time."""
        sessions, shape = request.sessions, (len(request.sessions.viewer), num_slots)
        items, images = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        propensity = np.ones(shape, dtype=np.float32)
        for s in np.argsort(request.asked_ms, kind="stable").tolist():
            page = self._home.page(self._query(sessions, s, int(request.asked_ms[s])))
            items[s], images[s], propensity[s] = self._laid(page, request, s)
        chosen = None if self._config.artwork == "random" else images
        return Pages(items, propensity, np.full(shape[0], PERSONAL), chosen)

    def observe(self, block: EventBlock) -> None:
        """Record impressions and the events that enter histories; the next request sees them."""
        for event in self._events(block.take(TOLD[block.event])):
            self._home.recommender.state.record(event)

    def _laid(self, page: PageResponse, request: Request, s: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Slots of one page, without titles that this viewer may not be shown."""
        rows = list(page.rows)
        if self._config.shuffles:
            sessions = request.sessions
            np.random.default_rng([int(sessions.viewer[s]), int(sessions.number[s])]).shuffle(rows)
        numbers, images, chances = [], [], []
        for row in rows:
            own = [each for each in row.items if request.allowed[s, self._number_of[each.item_id]]]
            numbers.append([self._number_of[each.item_id] for each in own])
            images.append([image_of(each.variant.id) for each in own])
            chances.append([each.propensity for each in own])
        config = self._world.config
        items, shown = rows_of(numbers, images, config.num_rows, config.num_columns)
        propensity = np.ones((config.num_rows, config.num_columns), dtype=np.float32)
        for place, each in enumerate(chances):
            propensity[place, : len(each)] = each
        return items, shown, propensity.ravel()

    def _query(self, sessions: Sessions, s: int, ts_ms: int) -> PageQuery:
        config = self._world.config
        return PageQuery(
            user_id=self._profiles[sessions.profile[s]],
            ts_ms=ts_ms,
            context={
                "device": DEVICES[sessions.device[s]],
                "companions": COMPANIONS[int(sessions.is_together[s])],
                "tz_offset": str(60 * self._world.viewers.zone_h[sessions.viewer[s]]),
            },
            strategy=self._config.strategy,
            attention=self._config.attention,
            sizes=Sizes(config.num_rows, config.num_columns, min(4, config.num_columns)),
        )

    def _events(self, block: EventBlock) -> Iterator[Event]:
        for e in range(len(block.ts_ms)):
            watch_s, duration_s, liked = (_given(each[e]) for each in (block.watch_s, block.duration_s, block.liked))
            device = DEVICES[block.device[e]]
            yield Event(
                self._profiles[block.profile[e]],
                self._items[block.item[e]],
                int(block.ts_ms[e]),
                EVENTS[block.event[e]],
                liked=liked,
                watch_s=watch_s,
                duration_s=duration_s,
                variant_id=str(block.image[e]) if block.image[e] >= 0 else None,
                device=device,
                tz_offset_min=60 * int(block.zone_h[e]),
                context={"device": device, "companions": COMPANIONS[int(block.is_together[e])]},
            )


def page_settings(config: PagePolicyConfig) -> Homepage.Config:
    """What a configuration asks of the homepage."""
    return Homepage.Config(has_billboard=False, rules=Rules(most=config.most, pins={}, may_repeat=config.may_repeat))


def _bandit(bundle: Bundle, counts_clicks: bool) -> ArtworkBandit | None:
    """What the bundle learned of images; a bandit of clicks takes plays for reward and has no guard."""
    bandit = ArtworkBandit.load(bundle.folder)
    if bandit is None or not counts_clicks:
        return bandit
    return replace(bandit, reward=bandit.plays.copy(), guards=False)


def _given(number: np.float32) -> float | None:
    return None if math.isnan(number) else float(number)
