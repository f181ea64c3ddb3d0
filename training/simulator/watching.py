"""What becomes of a play: how much is watched, which episodes follow, what the viewer says of it.

Shapes: W plays.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit

from training.simulator.draws import Draws, Stream
from training.simulator.sessions import Sessions
from training.simulator.tally import ABANDONED_SHARE
from training.simulator.world import World

BAIT_LOSS: Final = 1.2
CREDITS_SHARE: Final = 0.9
"""Who comes this far has seen it all but the credits."""

MOST_EPISODES: Final = 6


class Started(NamedTuple):
    """Plays about to begin; arrays [W]: titles, their utility, whether the image was bait, episode and share where it
    starts.
    """

    items: NDArray[np.int64]
    utility: NDArray[np.float64]
    is_bait: NDArray[np.bool_]
    episode: NDArray[np.int64]
    from_share: NDArray[np.float64]


class Watched(NamedTuple):
    """Arrays [W]. `share` of the film or first episode at the end, `watch_s` of it in this sitting, `extra` episodes
    after it, `liked` 1, 0 or NaN, `gain` what the viewer has of it.
    """

    share: NDArray[np.float64]
    watch_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    extra: NDArray[np.int64]
    liked: NDArray[np.float64]
    gain: NDArray[np.float64]

    @property
    def total_s(self) -> NDArray[np.float64]:
        """All watching of the sitting."""
        return self.watch_s + self.extra * self.duration_s


def watch(world: World, draws: Draws, sessions: Sessions, started: Started) -> Watched:
    """Watch share ~ Beta(3 mu, 3 (1 - mu)); series go on by themselves for those who binge."""
    minutes = world.titles.minutes[started.items].astype(np.float64)
    keys = (sessions.viewer, sessions.number, started.items)
    fresh = _share(started, minutes, draws.uniform(Stream.SHARE, *keys))
    share = np.where(fresh >= CREDITS_SHARE, 1.0, started.from_share + (1 - started.from_share) * fresh)
    duration_s = 60 * minutes
    extra = _extra(world, sessions, started, share, draws.uniform(Stream.EPISODES, *keys))
    return Watched(
        share=share,
        watch_s=(share - started.from_share) * duration_s,
        duration_s=duration_s,
        extra=extra,
        liked=_thumbs(started, share, draws.uniform(Stream.THUMB, *keys)),
        gain=np.clip(1.5 * share - 0.5 + 0.2 * started.utility + 0.15 * extra, -1, 1.5),
    )


def _share(started: Started, minutes: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = betaincinv(*share_law(started.utility, minutes, started.is_bait), chance)
    return share


def share_law(
    utility: NDArray[np.float64], minutes: NDArray[np.float64], is_bait: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both parameters of the beta law of the share that is watched; they add up to 3."""
    mean = np.clip(expit(-0.1 + 0.55 * utility - 0.55 * np.log(minutes / 45) - BAIT_LOSS * is_bait), 0.02, 0.98)
    return 3 * mean, 3 * (1 - mean)


def further_chance(binge: NDArray[np.float64], utility: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance that another episode follows one, likelier for those who binge and like it."""
    return np.asarray(np.clip(1.3 * binge * expit(0.5 + utility), 0.01, 0.9))


def _extra(
    world: World,
    sessions: Sessions,
    started: Started,
    share: NDArray[np.float64],
    chance: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Further episodes, a geometric number."""
    count = np.floor(np.log(chance) / np.log(further_chance(world.viewers.binge[sessions.viewer], started.utility)))
    left = world.titles.num_episodes[started.items] - 1 - started.episode
    extra: NDArray[np.int64] = np.minimum(count, np.minimum(left, MOST_EPISODES)).astype(np.int64)
    return np.where(share >= CREDITS_SHARE, np.maximum(extra, 0), 0)


def _thumbs(started: Started, share: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """One in seven viewers says something, if there is something to say."""
    opinion = np.where((share > 0.6) & (started.utility > 0.3), 1.0, np.where(share < ABANDONED_SHARE, 0.0, np.nan))
    return np.where(chance < 1 / 7, opinion, np.nan)
