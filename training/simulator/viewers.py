"""The viewers' truth: tastes, habits, and who shares an account or a profile with whom.

Shapes: V viewers (persons), T topics.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.simulator.config import WorldConfig
from training.simulator.lexicon import NUM_TOPICS, REGIONS

DEVICES: Final = ("tv", "phone", "tablet", "laptop")
NUM_PROTOTYPES: Final = 20
SHARED_PROFILE: Final = 0.1
"""Share of the accounts of several persons where all use one profile."""

_PEAKS: Final = ((21.0, 2.2), (23.8, 1.8), (7.5, 1.6), (14.5, 3.2))
"""Centre and spread in hours of four daily habits: evening, night, morning, afternoon."""


class Viewers(NamedTuple):
    """Arrays [V] unless said otherwise. taste: float32 [V, T], rows sum to 1. hours: float64 [V, 24] and devices:
    float64 [V, 4], rows sum to 1. `rate` sessions a day, `patience_s` for a page; profiles and accounts are numbered.
    """

    taste: NDArray[np.float32]
    rate: NDArray[np.float64]
    patience_s: NDArray[np.float64]
    binge: NDArray[np.float64]
    short_form: NDArray[np.float32]
    popularity_taste: NDArray[np.float32]
    pause_rate: NDArray[np.float64]
    hours: NDArray[np.float64]
    devices: NDArray[np.float64]
    region: NDArray[np.int64]
    zone_h: NDArray[np.int64]
    join_day: NDArray[np.int64]
    account: NDArray[np.int64]
    profile: NDArray[np.int64]
    household: NDArray[np.int64]

    @property
    def num_profiles(self) -> int:
        """Profiles that log in."""
        return int(self.profile.max()) + 1

    @property
    def num_accounts(self) -> int:
        """Accounts that pay."""
        return int(self.account.max()) + 1


def make_viewers(config: WorldConfig, rng: np.random.Generator) -> Viewers:
    """Viewers of accounts of one to four persons; a fifth join in the first half of the log."""
    count = config.num_viewers
    account = _accounts(count, rng)
    num_accounts = int(account.max()) + 1
    household = np.bincount(account)[account]
    joins = np.where(rng.random(num_accounts) < 0.2, rng.integers(0, max(1, config.num_days // 2), num_accounts), 0)
    zones = 3 * (np.arange(config.num_zones) - config.num_zones // 2)
    return Viewers(
        taste=_tastes(count, rng),
        rate=rng.gamma(2, 0.5, count),
        patience_s=rng.gamma(4, 75 / 4, count),
        binge=rng.beta(2, 3, count),
        short_form=rng.normal(0, 0.35, count).astype(np.float32),
        popularity_taste=rng.gamma(4, 0.25, count).astype(np.float32),
        pause_rate=rng.beta(1, 4, count),
        hours=_hours(count, rng),
        devices=rng.dirichlet((1.6, 1.0, 0.4, 0.8), count),
        region=rng.integers(0, len(REGIONS), num_accounts)[account],
        zone_h=rng.choice(zones, num_accounts)[account].astype(np.int64),
        join_day=joins[account].astype(np.int64),
        account=account,
        profile=_profiles(account, household, rng),
        household=household,
    )


def _accounts(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    sizes = rng.choice([1, 2, 3, 4], count, p=[0.45, 0.3, 0.15, 0.1])
    return np.repeat(np.arange(count), sizes)[:count].astype(np.int64)


def _profiles(account: NDArray[np.int64], household: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """One profile a person, or one for the whole household."""
    shares = (rng.random(int(account.max()) + 1) < SHARED_PROFILE)[account] & (household > 1)
    is_first = np.concatenate([[True], np.diff(account) > 0])
    return np.cumsum(is_first | ~shares).astype(np.int64) - 1


def _tastes(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """For the most part one of 20 prototypes, for the rest one's own."""
    prototypes = rng.dirichlet(np.full(NUM_TOPICS, 0.2), NUM_PROTOTYPES)
    own = rng.dirichlet(np.full(NUM_TOPICS, 0.3), count)
    return (0.92 * prototypes[rng.integers(0, NUM_PROTOTYPES, count)] + 0.08 * own).astype(np.float32)


def _hours(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Mixtures of the daily habits, each going round midnight."""
    hour = np.arange(24)
    away = [np.minimum(np.abs(hour - peak), 24 - np.abs(hour - peak)) / spread for peak, spread in _PEAKS]
    habits = np.exp(-0.5 * np.array(away) ** 2)
    habits /= habits.sum(axis=1, keepdims=True)
    mixed: NDArray[np.float64] = rng.dirichlet((1.6, 0.6, 0.5, 0.8), count) @ habits
    return mixed
