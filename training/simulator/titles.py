"""The catalogue's truth: what titles are about, how good, how known, how long; the words about it are in `stories`.

Shapes: N titles, T topics, I images a title.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.simulator.config import WorldConfig
from training.simulator.lexicon import GENRES, NUM_TOPICS, REGIONS

NUM_IMAGES: Final = 4
SERIES_SHARE: Final = 0.45
CLICKBAIT_SHARE: Final = 0.1
PREVIEW_BAIT_SHARE: Final = 0.15
MONTH_DAYS: Final = 30


class Titles(NamedTuple):
    """Arrays [N] unless said otherwise; `minutes` is the length of a film or of one episode.

    topics: float32 [N, T], rows sum to 1. awareness from 0 (unknown) to 1. dark, family: centred at 0. release_day
    counts from the first day of the log. image_topics: int64 [N, I], what each image shows; image_bait: bool [N, I].
    labels: bool [N, T], the genres that the catalogue names, some of them wrong. preview_lift: what a preview adds
    to the log odds; preview_bait: which previews promise what the title does not keep.
    """

    topics: NDArray[np.float32]
    quality: NDArray[np.float32]
    awareness: NDArray[np.float32]
    minutes: NDArray[np.float32]
    num_seasons: NDArray[np.int64]
    num_episodes: NDArray[np.int64]
    dark: NDArray[np.float32]
    family: NDArray[np.float32]
    region: NDArray[np.int64]
    maturity: NDArray[np.int64]
    release_day: NDArray[np.int64]
    is_clickbait: NDArray[np.bool_]
    image_topics: NDArray[np.int64]
    image_bait: NDArray[np.bool_]
    labels: NDArray[np.bool_]
    preview_lift: NDArray[np.float32]
    preview_bait: NDArray[np.bool_]

    @property
    def num_titles(self) -> int:
        """N."""
        return len(self.quality)

    @property
    def is_series(self) -> NDArray[np.bool_]:
        """Which titles have episodes."""
        return self.num_episodes > 1


def make_titles(config: WorldConfig, rng: np.random.Generator, rng_of_previews: np.random.Generator) -> Titles:
    """A catalogue; most titles are older than the log, some come out in its course."""
    count = config.num_titles
    topics = rng.dirichlet(np.full(NUM_TOPICS, 0.25), count).astype(np.float32)
    quality = rng.normal(size=count)
    is_series = rng.random(count) < SERIES_SHARE
    seasons = np.where(is_series, rng.integers(1, 5, count), 1)
    clickbait = rng.random(count) < CLICKBAIT_SHARE
    images = _images(topics, rng)
    dark, family = (topics @ np.array([getattr(g, name) for g in GENRES]) for name in ("dark", "family"))
    return Titles(
        topics=topics,
        quality=quality.astype(np.float32),
        awareness=_awareness(quality, rng),
        minutes=_minutes(is_series, rng),
        num_seasons=seasons,
        num_episodes=np.where(is_series, seasons * rng.integers(6, 11, count), 1),
        dark=(dark - dark.mean()).astype(np.float32),
        family=(family - family.mean()).astype(np.float32),
        region=rng.integers(0, len(REGIONS), count),
        maturity=np.clip(np.floor(5.5 * dark + rng.normal(0, 0.6, count)), 0, 4).astype(np.int64),
        release_day=_release_days(config.num_days, count, rng),
        is_clickbait=clickbait,
        image_topics=images,
        image_bait=clickbait[:, None] & (np.arange(NUM_IMAGES) >= NUM_IMAGES // 2),
        labels=_labels(topics, rng),
        preview_lift=rng_of_previews.normal(0.1, 0.3, count).astype(np.float32),
        preview_bait=rng_of_previews.random(count) < PREVIEW_BAIT_SHARE,
    )


def _awareness(quality: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    """Zipf: the logarithm of the rank, scaled; good titles are somewhat better known."""
    order = np.argsort(-(0.5 * quality + rng.normal(size=len(quality))))
    awareness = np.empty(len(quality))
    awareness[order] = 1 - np.log1p(np.arange(len(quality))) / np.log1p(len(quality))
    return awareness.astype(np.float32)


def _minutes(is_series: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    count = len(is_series)
    episode = rng.choice([22.0, 45.0], count)
    film = np.clip(np.exp(rng.normal(np.log(105), 0.22, count)), 60, 200)
    return np.round(np.where(is_series, episode, film)).astype(np.float32)


def _release_days(num_days: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Six in seven titles came out in the 20 years before, the others in the first three quarters of the log."""
    old = -np.round(rng.exponential(5 * 365, count)).astype(np.int64) - 1
    new = rng.integers(1, max(2, 3 * num_days // 4), count)
    days: NDArray[np.int64] = np.where(rng.random(count) < 6 / 7, np.maximum(old, -20 * 365), new)
    return days


def _images(topics: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    """The first image shows the main topic, the others topics in proportion to the title's, or by chance any."""
    mixed = 0.8 * topics + 0.2 / NUM_TOPICS
    drawn = mixed[:, None, :].cumsum(axis=2) / mixed.sum(axis=1)[:, None, None]
    images = (rng.random((len(topics), NUM_IMAGES, 1)) > drawn).sum(axis=2).clip(0, NUM_TOPICS - 1)
    images[:, 0] = topics.argmax(axis=1)
    chosen: NDArray[np.int64] = images.astype(np.int64)
    return chosen


def _labels(topics: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Up to three genres that make up over a fifth of the title; one label in twelve is wrong."""
    ranks = (-topics).argsort(axis=1).argsort(axis=1)
    labels: NDArray[np.bool_] = (topics > 0.2) & (ranks < 3) | (ranks == 0)
    titles, genres = np.nonzero(labels)
    wrong = rng.random(len(titles)) < 1 / 12
    labels[titles[wrong], genres[wrong]] = False
    labels[titles[wrong], rng.integers(0, NUM_TOPICS, int(wrong.sum()))] = True
    return labels
