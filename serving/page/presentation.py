"""How the titles of a page present themselves: image, line and call to action.

Shapes: T titles of a page, V images of a title, R item rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit, even_draws, features_of
from serving.page.imagery import Imagery
from serving.page.messages import CallToAction, Variant
from serving.page.parts import PageParts
from serving.page.variants import image_of, line_of, variant_id
from serving.page.viewers import STICKY_MS, LiveViewer
from towers.history import History


@dataclass(frozen=True, eq=False)
class Look:
    """Who looks, when, on what: everything that chooses images."""

    user_id: str
    seed: int
    ts_ms: int
    history: History
    live: LiveViewer
    device: str
    hour: int | None


class Presenter:
    """Chooses variants from what a bundle knows of images and lines, and what was learned of them."""

    def __init__(self, parts: PageParts, imagery: Imagery, bandit: ArtworkBandit) -> None:
        self._parts = parts
        self._imagery = imagery
        self.bandit = bandit
        self._variants: dict[tuple[int, int, int], Variant] = {}

    def variants(self, rows: NDArray[np.int64], ids: Sequence[str], look: Look) -> list[tuple[Variant, float]]:
        """A variant for each row [T], and the chance with which it was drawn."""
        if len(rows) == 0:
            return []
        draws = _draws(rows, look)
        choice = self.bandit.choose(rows, self.features(rows, look), draws)
        images, chances = choice.images.tolist(), choice.propensity.tolist()
        return [self._variant(row, item, images[t], chances[t], look, float(draws[t]))
                for t, (row, item) in enumerate(zip(rows.tolist(), ids, strict=True))]  # fmt: skip

    def features(self, rows: NDArray[np.int64], look: Look) -> NDArray[np.float64]:
        """Features [T, V, F] of the rows' images for a viewer."""
        is_late = look.hour is not None and not 5 <= look.hour < 22
        return features_of(self._imagery.fit(rows, self._imagery.taste(look.history)), look.device == "phone", is_late)

    def call_to_action(self, row: int, progress: float | None, is_seen: bool, ts_ms: int) -> CallToAction:
        """What the button says."""
        released = self._parts.titles.release_ms[row]
        if progress is not None:
            return "Resume"
        if released is not None and released > ts_ms:
            return "Add to list"
        return "Watch again" if is_seen else "Play"

    def _variant(
        self, row: int, item: str, image: int, chance: float, look: Look, draw: float
    ) -> tuple[Variant, float]:
        num_images = max(len(self._parts.titles.artworks[row]), 1)
        num_lines = max(len(self._parts.titles.lines[row]), 1)
        kept = look.live.shown.get(item)
        if kept is not None and look.ts_ms - kept.since_ms < STICKY_MS:
            number, line = image_of(kept.variant), line_of(kept.variant)
            if 0 <= number < num_images and line < num_lines:
                return self._made(row, number, line), kept.propensity
        return self._made(row, image, int(draw * 7919) % num_lines), chance / num_lines

    def _made(self, row: int, image: int, line: int) -> Variant:
        """The variant, made once."""
        key = (row, image, line)
        if key not in self._variants:
            artworks, lines = self._parts.titles.artworks[row], self._parts.titles.lines[row]
            name = variant_id(image, line, len(lines))
            self._variants[key] = Variant(name, artworks[image] if artworks else "", lines[line] if lines else "")
        return self._variants[key]


def _draws(rows: NDArray[np.int64], look: Look) -> NDArray[np.float64]:
    """One number a title, the same for a viewer as long as images stick."""
    who = zlib.crc32(f"{look.user_id}/{look.seed}/{look.ts_ms // STICKY_MS}".encode())
    return even_draws(np.uint64(who << 32) ^ rows.astype(np.uint64))
