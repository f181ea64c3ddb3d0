"""A world: titles and viewers made from a configuration and a seed, hidden truth included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from training.simulator.config import WorldConfig
from training.simulator.draws import Draws
from training.simulator.titles import Titles, make_titles
from training.simulator.viewers import Viewers, make_viewers

START_MS: Final = 1_704_067_200_000
"""Monday, 1 January 2024, 00:00 UTC: the first day of every log."""

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, eq=False)
class World:
    """What is true of a simulated service; the same configuration and seed make the same one."""

    config: WorldConfig
    seed: int
    titles: Titles
    viewers: Viewers

    @classmethod
    def make(cls, config: WorldConfig, seed: int) -> World:
        """The world of a seed."""
        rng = np.random.default_rng([config.version, seed])
        previews = np.random.default_rng([config.version, seed, 2])
        return cls(config, seed, make_titles(config, rng, previews), make_viewers(config, rng))

    def draws(self, course: int = 0) -> Draws:
        """The chances of daily life; another `course` is another life of the same viewers."""
        return Draws(self.config.version, self.seed, course)


def item_ids(count: int) -> list[str]:
    """Id of each title as the log writes it."""
    return [f"t{number:05d}" for number in range(count)]


def profile_ids(count: int) -> list[str]:
    """Id of each profile as the log writes it."""
    return [f"p{number:06d}" for number in range(count)]


def account_ids(count: int) -> list[str]:
    """Id of each account as the log writes it."""
    return [f"a{number:06d}" for number in range(count)]
