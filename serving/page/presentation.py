"""How the titles of a page present themselves: image, line and call to action.

Shapes: T titles of a page, V images of a title, R item rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit, even_draws, features_of
from serving.page.imagery import Imagery
from serving.page.messages import CallToAction, Preview, Variant
from serving.page.parts import PageParts
from serving.page.previews import ARMS, choose, told
from serving.page.variants import image_of, line_of, plays_preview, variant_id
from serving.page.viewers import STICKY_MS, LiveViewer
from towers.history import History

NO_PREVIEW: Final = "It has no preview"
AS_BEFORE: Final = "As you saw it before"


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
    still: str = ""
    """Why previews stand still; '' where they may play."""

    @property
    def is_late(self) -> bool:
        """From ten in the evening to five in the morning; no where the hour is unknown."""
        return self.hour is not None and not 5 <= self.hour < 22


class Drawn(NamedTuple):
    """An image of a title, the chance with which it was drawn, and the number from 0 to 1 that drew it."""

    image: int
    chance: float
    draw: float


class Presented(NamedTuple):
    """A variant, the chance with which all of it was drawn, and whether its preview plays."""

    variant: Variant
    propensity: float
    preview: Preview


class Presenter:
    """Chooses variants from what a bundle knows of images and lines, and what was learned of them."""

    def __init__(
        self, parts: PageParts, imagery: Imagery, bandit: ArtworkBandit, previews: ArtworkBandit | None = None
    ) -> None:
        self._parts = parts
        self._imagery = imagery
        self.bandit = bandit
        self.previews = previews or ArtworkBandit.new(np.full(len(imagery.num_images), len(ARMS)))
        self._variants: dict[tuple[int, int, int, bool], Variant] = {}

    def showing(self, parts: PageParts, imagery: Imagery) -> Presenter:
        """One of more titles, which goes on learning with this one."""
        return Presenter(parts, imagery, self.bandit, self.previews)

    def variants(self, rows: NDArray[np.int64], ids: Sequence[str], look: Look) -> list[Presented]:
        """How each row [T] presents itself."""
        if len(rows) == 0:
            return []
        draws = _draws(rows, look)
        chosen = self.bandit.choose(rows, self.features(rows, look), draws)
        moving = choose(self.previews, rows, draw_key(look, "preview") ^ rows.astype(np.uint64),
                        look.device == "phone", look.is_late)  # fmt: skip
        images = map(Drawn, chosen.images.tolist(), chosen.propensity.tolist(), draws.tolist())
        decided = zip(rows.tolist(), (moving.images > 0).tolist(), moving.propensity.tolist(), strict=True)
        previews = [told(plays, chance, self._why_still(row, look)) for row, plays, chance in decided]
        drawn = zip(rows.tolist(), ids, images, previews, strict=True)
        return [self._presented(row, item, image, preview, look) for row, item, image, preview in drawn]

    def features(self, rows: NDArray[np.int64], look: Look) -> NDArray[np.float64]:
        """Features [T, V, F] of the rows' images for a viewer."""
        fit = self._imagery.fit(rows, self._imagery.taste(look.history))
        return features_of(fit, look.device == "phone", look.is_late)

    def call_to_action(self, row: int, progress: float | None, is_seen: bool, ts_ms: int) -> CallToAction:
        """What the button says."""
        released = self._parts.titles.release_ms[row]
        if progress is not None:
            return "Resume"
        if released is not None and released > ts_ms:
            return "Add to list"
        return "Watch again" if is_seen else "Play"

    def _why_still(self, row: int, look: Look) -> str:
        return look.still or ("" if self._parts.titles.artworks[row] else NO_PREVIEW)

    def _presented(self, row: int, item: str, drawn: Drawn, preview: Preview, look: Look) -> Presented:
        """What was seen within the last days goes on as it was, as far as the viewer's switches allow."""
        num_images = max(len(self._parts.titles.artworks[row]), 1)
        num_lines = max(len(self._parts.titles.lines[row]), 1)
        kept = look.live.shown.get(item)
        if kept is not None and look.ts_ms - kept.since_ms < STICKY_MS:
            number, line = image_of(kept.variant), line_of(kept.variant)
            if 0 <= number < num_images and line < num_lines:
                if not self._why_still(row, look):
                    preview = Preview(plays_preview(kept.variant), 1.0, AS_BEFORE)
                return Presented(self._made(row, number, line, preview.plays), kept.propensity, preview)
        line = int(drawn.draw * 7919) % num_lines
        variant = self._made(row, drawn.image, line, preview.plays)
        return Presented(variant, drawn.chance / num_lines * preview.propensity, preview)

    def _made(self, row: int, image: int, line: int, moves: bool) -> Variant:
        """The variant, made once."""
        key = (row, image, line, moves)
        if key not in self._variants:
            artworks, lines = self._parts.titles.artworks[row], self._parts.titles.lines[row]
            name = variant_id(image, line, len(lines), moves)
            self._variants[key] = Variant(name, artworks[image] if artworks else "", lines[line] if lines else "")
        return self._variants[key]


def draw_key(look: Look, what: str = "") -> NDArray[np.uint64]:
    """What the draws of a viewer hang on [1], the same as long as images stick; draws of something else differ."""
    who = zlib.crc32(f"{look.user_id}/{look.seed}/{look.ts_ms // STICKY_MS}{what}".encode())
    return np.array([who << 32], dtype=np.uint64)


def _draws(rows: NDArray[np.int64], look: Look) -> NDArray[np.float64]:
    """One number a title."""
    return even_draws(draw_key(look) ^ rows.astype(np.uint64))
