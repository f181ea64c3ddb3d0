"""What changes while the service runs: who has seen what, how content everybody is, what is popular.

Shapes: V viewers, P profiles, N titles, T topics.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.simulator.world import DAY_MS, START_MS, World

NOTHING: Final = -1
"""In place of a title."""

FADE_A_DAY: Final = 0.5 ** (1 / 7)
"""Plays count half after a week in the popularity that policies may know."""


@dataclass(eq=False)
class State:
    """Changes in place. seen: bool [P, N], titles in a profile's history. tired: uint8 [P, N], glances without a play.

    resume, listed, loved: int64 [P], titles to go on with, NOTHING where there is none; resume_episode: int64 [P] and
    resume_share: float64 [P] say where. genre_plays: float32 [P, T], by the
    labels of the catalogue. plays: float64 [N], fading. busy_until_ms: int64 [P].
    contentment, num_sessions: [V].
    is_member: bool [accounts].
    """

    day: int
    num_logged: int
    seen: NDArray[np.bool_]
    tired: NDArray[np.uint8]
    resume: NDArray[np.int64]
    resume_episode: NDArray[np.int64]
    resume_share: NDArray[np.float64]
    listed: NDArray[np.int64]
    loved: NDArray[np.int64]
    genre_plays: NDArray[np.float32]
    plays: NDArray[np.float64]
    contentment: NDArray[np.float64]
    num_sessions: NDArray[np.int64]
    busy_until_ms: NDArray[np.int64]
    is_member: NDArray[np.bool_]

    @classmethod
    def start(cls, world: World) -> State:
        """The first morning: nobody has seen anything, and well-known titles pass for popular."""
        titles, viewers = world.titles, world.viewers
        profiles, count, persons = viewers.num_profiles, titles.num_titles, len(viewers.rate)
        none = np.full(profiles, NOTHING)
        return cls(
            day=0,
            num_logged=0,
            seen=np.zeros((profiles, count), dtype=np.bool_),
            tired=np.zeros((profiles, count), dtype=np.uint8),
            resume=none,
            resume_episode=np.zeros(profiles, dtype=np.int64),
            resume_share=np.zeros(profiles),
            listed=none.copy(),
            loved=none.copy(),
            genre_plays=np.zeros((profiles, titles.topics.shape[1]), dtype=np.float32),
            plays=1 + 0.02 * persons * titles.awareness.astype(np.float64) ** 2,
            contentment=np.zeros(persons),
            num_sessions=np.zeros(persons, dtype=np.int64),
            busy_until_ms=np.zeros(profiles, dtype=np.int64),
            is_member=np.ones(viewers.num_accounts, dtype=np.bool_),
        )

    def copy(self) -> State:
        """An independent state."""
        return deepcopy(self)

    def day_start_ms(self) -> int:
        """Midnight UTC at the start of the day."""
        return START_MS + self.day * DAY_MS

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        with path.open("wb") as file:
            arrays: dict[str, Any] = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> State:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as parts:
            values: dict[str, Any] = {name: parts[name] for name in parts.files}
        numbers = {name: int(value) for name, value in values.items() if value.ndim == 0}
        return cls(**(values | numbers))
