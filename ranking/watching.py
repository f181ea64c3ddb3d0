"""What viewers watched and how: every play, its episodes, pauses, company, device and hour.

Shapes: W watched titles of one viewer (oldest first) or of all, V viewers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

FILE: Final = "watching.npz"
DEVICES: Final = ("tv", "phone", "tablet", "laptop")
"""Names of devices where a log does not tell others."""

SITTING_MS: Final = 3 * 3_600_000
"""Who comes back later than that sits down anew."""

UNKNOWN: Final = -1


class Watching(NamedTuple):
    """Arrays [W]. `episodes`: 1 and those that followed by themselves. `shares`: buckets as in `towers.history`.
    `devices`: places in a list of names. `company`: 1 with others, 0 alone. `hours`: local. -1 where unknown.
    """

    rows: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    episodes: NDArray[np.int8]
    shares: NDArray[np.int8]
    pauses: NDArray[np.int8]
    devices: NDArray[np.int8]
    company: NDArray[np.int8]
    hours: NDArray[np.int8]

    @classmethod
    def plain(cls, rows: NDArray[np.int64], ts_ms: NDArray[np.int64], shares: NDArray[np.int8]) -> Self:
        """Titles of which no more than the watched share is known."""
        ones, unknown = np.ones(len(rows), dtype=np.int8), np.full(len(rows), UNKNOWN, dtype=np.int8)
        return cls(rows, ts_ms, ones, shares, unknown, unknown, unknown, unknown)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Watching:
        """Some of the titles."""
        return Watching._make(array[chosen] for array in self)

    def followed_by(self, later: Watching) -> Watching:
        """Both, in the order of time."""
        both = Watching._make(np.concatenate([mine, theirs]) for mine, theirs in zip(self, later, strict=True))
        return both.take(np.argsort(both.ts_ms, kind="stable"))

    @property
    def sittings(self) -> NDArray[np.int64]:
        """Number [W] of the sitting of each title."""
        return np.cumsum(np.diff(self.ts_ms, prepend=self.ts_ms[:1]) > SITTING_MS)


def nothing() -> Watching:
    """Of somebody who never came."""
    return Watching.plain(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8))


@dataclass(frozen=True, eq=False)
class WatchLog:
    """What V viewers watched: viewer v owns the places offsets[v] to offsets[v + 1]."""

    offsets: NDArray[np.int64]
    watching: Watching
    device_names: tuple[str, ...] = DEVICES

    @property
    def num_viewers(self) -> int:
        """V."""
        return len(self.offsets) - 1

    def of(self, viewer: int) -> Watching:
        """What one viewer watched; nothing for a negative number."""
        if viewer < 0:
            return nothing()
        return self.watching.take(slice(int(self.offsets[viewer]), int(self.offsets[viewer + 1])))

    def save(self, folder: Path) -> None:
        """Write `watching.npz`."""
        with (folder / FILE).open("wb") as file:
            names = np.array(self.device_names, dtype=np.str_)
            np.savez_compressed(file, offsets=self.offsets, device_names=names, **self.watching._asdict())

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what `save` wrote; None where there is nothing."""
        if not (folder / FILE).is_file():
            return None
        with np.load(folder / FILE, allow_pickle=False) as parts:
            watching = Watching(*(parts[name] for name in Watching._fields))
            return cls(parts["offsets"], watching, tuple(parts["device_names"].tolist()))
