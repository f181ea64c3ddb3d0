"""How large a simulated service is and which effects it has."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from training.errors import UsageError


@dataclass(frozen=True)
class WorldConfig:
    """A world is this and a seed; `version` changes whenever the same configuration would give another world.

    `num_viewers` are persons. `num_days` is the length of the log. The page has `num_rows` of `num_columns`. Of a
    share `logged_details` of the sessions the log keeps impressions, details, pauses and stops as well.
    `context_scale` and `artwork_scale` multiply all effects of the moment and of artwork; 0 leaves none. `num_zones` is
    the number of time zones.
    """

    name: str
    version: int
    num_viewers: int
    num_titles: int
    num_days: int
    num_rows: int = 6
    num_columns: int = 10
    logged_details: float = 1.0
    num_zones: int = 1
    context_scale: float = 1.0
    artwork_scale: float = 1.0

    def __post_init__(self) -> None:
        sizes = (self.num_viewers, self.num_titles, self.num_days, self.num_rows, self.num_columns, self.num_zones)
        if min(sizes) < 1:
            raise UsageError(f"a world of sizes {sizes} is empty; give sizes of 1 or more")
        if self.num_titles < 2 * self.num_slots:
            raise UsageError(f"{self.num_titles} titles for {self.num_slots} slots; give num_titles of twice the slots")
        if min(self.context_scale, self.artwork_scale) < 0:
            raise UsageError("context_scale and artwork_scale are 0 or more; 0 switches the effect off")

    @property
    def num_slots(self) -> int:
        """Slots on the page."""
        return self.num_rows * self.num_columns


PRESETS: Final = MappingProxyType(
    {
        "tiny": WorldConfig("tiny", 1, num_viewers=150, num_titles=100, num_days=14, num_rows=4, num_columns=6),
        "small": WorldConfig("small", 2, num_viewers=1600, num_titles=500, num_days=84, num_columns=8),
        "city": WorldConfig(
            "city", 1, num_viewers=20_000, num_titles=3000, num_days=56, logged_details=0.5, num_zones=3
        ),
    }
)
"""Worlds by name: tests (seconds), the demo, and one to experiment on."""


def preset(name: str) -> WorldConfig:
    """The preset of that name; a UsageError names the nearest."""
    if name in PRESETS:
        return PRESETS[name]
    close = difflib.get_close_matches(name, PRESETS, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"choose {', '.join(PRESETS)}"
    raise UsageError(f"unknown preset {name!r}; {remedy}")
