"""The bandit that is served, at work in a simulated service: it chooses the images of titles that another policy chose.

It sees what a service sees: genres of the catalogue, the topic an image shows, plays; none of the hidden truth.
Shapes: S sessions, K slots, E events, P profiles, N titles, I images, F features, T topics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit, features_of
from towers.schema import EventType
from training.simulator.events import CODES, EventBlock
from training.simulator.lexicon import GENRES
from training.simulator.log import Simulated
from training.simulator.policies import Pages, Policy, Request
from training.simulator.sessions import PHONE
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import DAY_MS

STICKY_DAYS: Final = 7
"""A profile goes on seeing an image of a title for so long."""

WATCHED: Final = 0.2
TASTE_PRIOR: Final = 3.0
TOPICS: Final = tuple(genre.name for genre in GENRES)


@dataclass(frozen=True)
class ArtworkConfig:
    """`by_clicks` rewards plays, however short; `is_guarded` lets the guard forbid images."""

    by_clicks: bool = False
    is_guarded: bool = True


class ArtworkLearner:
    """What a service learns about images from what it showed; serves any number of loops."""

    def __init__(self, simulated: Simulated, config: ArtworkConfig | None = None) -> None:
        self.config = config or ArtworkConfig()
        table = pq.read_table(simulated.items, columns=["genres", "images"])
        self.labels = _labels(table["genres"].to_pylist())
        self.topics = _topics(table["images"].to_pylist())
        profiles, titles = simulated.world.viewers.num_profiles, len(self.labels)
        self.played = np.zeros((profiles, len(TOPICS)), dtype=np.float32)
        self.bandit = ArtworkBandit.new(np.full(titles, NUM_IMAGES), guards=self.config.is_guarded)

    def features(
        self,
        profile: NDArray[np.int64],
        item: NDArray[np.int64],
        is_phone: NDArray[np.bool_],
        is_late: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Features [B, I, F] of the titles' images, by how they fit the taste of the profiles [B]."""
        played = self.played[profile]
        taste = (played + TASTE_PRIOR / played.shape[1]) / (played.sum(axis=1, keepdims=True) + TASTE_PRIOR)
        fit = np.take_along_axis(taste, self.topics[item], axis=1)
        return features_of(fit.astype(np.float64), is_phone[:, None], is_late[:, None])

    def learn(self, block: EventBlock) -> None:
        """Take in events; a play belongs to its impression."""
        plays = block.take(block.event == CODES[EventType.PLAY])
        seen, share = block.take(block.event == CODES[EventType.IMPRESSION]), plays.watch_s / plays.duration_s
        watched = _joined(seen, plays, share)
        hour = (seen.ts_ms // 3_600_000 + seen.zone_h) % 24
        features = self.features(seen.profile, seen.item, seen.device == PHONE, (hour >= 22) | (hour < 5))
        shown = np.take_along_axis(features, seen.image[:, None, None], axis=1)[:, 0]
        self.bandit.show(seen.item, seen.image, shown)
        played = ~np.isnan(watched)
        reward = np.ones(int(played.sum())) if self.config.by_clicks else watched[played]
        self.bandit.play(seen.item[played], seen.image[played], shown[played], watched[played], reward)
        good = share >= WATCHED
        np.add.at(self.played, plays.profile[good], self.labels[plays.item[good]])


class ArtworkPolicy:
    """Pages of another policy with images of the learner's choice."""

    def __init__(self, inner: Policy, learner: ArtworkLearner, seed: int) -> None:
        self._inner = inner
        self._learner = learner
        self._rng = np.random.default_rng(seed)
        shape = len(learner.played), len(learner.labels)
        self._image = np.zeros(shape, dtype=np.int64)
        self._until_ms = np.zeros(shape, dtype=np.int64)

    @property
    def name(self) -> str:
        """That of the policy that chose the titles, and that images are chosen too."""
        return f"{self._inner.name} + artwork"

    def pages(self, request: Request, num_slots: int) -> Pages:
        """The other policy's pages, with images that a profile goes on seeing for a while."""
        pages, sessions = self._inner.pages(request, num_slots), request.sessions
        items = np.maximum(pages.items, 0)
        at = np.broadcast_to(np.arange(len(items))[:, None], items.shape)
        is_new = self._until_ms[sessions.profile[:, None], items] <= sessions.start_ms[:, None]
        session, item = at[is_new], items[is_new]
        profile = sessions.profile[session]
        given = self._learner.features(profile, item, sessions.device[session] == PHONE, sessions.is_late[session])
        self._image[profile, item] = self._learner.bandit.choose(item, given, self._rng.random(len(item))).images
        self._until_ms[profile, item] = sessions.start_ms[session] + STICKY_DAYS * DAY_MS
        return pages._replace(images=self._image[sessions.profile[:, None], items])

    def observe(self, block: EventBlock) -> None:
        """Learn, and let the other policy learn."""
        self._inner.observe(block)
        self._learner.learn(block)


def _joined(seen: EventBlock, plays: EventBlock, share: NDArray[np.float32]) -> NDArray[np.float64]:
    """The share [E] watched after each impression; NaN where no play of the same page and title came."""
    watched = np.full(len(seen.item), np.nan)
    if len(plays.item) == 0:
        return watched
    wanted, given = _keys(seen), _keys(plays)
    order = np.argsort(given, kind="stable")
    place = order[np.minimum(np.searchsorted(given, wanted, sorter=order), len(order) - 1)]
    is_play = given[place] == wanted
    watched[is_play] = share[place[is_play]]
    return watched


def _keys(block: EventBlock) -> NDArray[np.int64]:
    """A number for page and title; plays from no page have none of a page."""
    keys: NDArray[np.int64] = np.where(block.row >= 0, (block.session * 8 + block.visit) * 1_000_000 + block.item, -1)
    return keys


def _labels(genres: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Shares of the topics [N, T] that the catalogue names."""
    labels = np.array([[topic in each for topic in TOPICS] for each in genres], dtype=np.float32)
    shares: NDArray[np.float32] = labels / np.maximum(labels.sum(axis=1, keepdims=True), 1)
    return shares


def _topics(images: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """The topic [N, I] that each image shows."""
    return np.array([[TOPICS.index(image.split(": ", 1)[1]) for image in each] for each in images])
