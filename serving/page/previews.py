"""Which titles' previews start by themselves: the bandit of images with two arms a title, still and moving.

What it learns is how much is watched after a title was seen, so that a preview which wins presses and loses viewers
loses; the guard of images forbids those after which plays end earlier. Shapes: T titles of a page, F features.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit, Choice, even_draws, features_of
from serving.page.messages import Preview

FILE: Final = "previews.npz"
ARMS: Final = np.array([0.0, 1.0])
"""Still and moving."""

CLEAR: Final = 0.9
"""Chance from which it counts as learned what suits a title."""

MOVES_BETTER: Final = "Viewers stay with it more after its preview"
STILL_BETTER: Final = "Viewers stay with it more without its preview"
TRIED: Final = "It is still being learned whether its preview helps"


def choose(
    bandit: ArtworkBandit, rows: NDArray[np.int64], keys: NDArray[np.uint64], is_phone: bool, is_late: bool
) -> Choice:
    """1 where the preview of a title [T] plays, with the chance [T] of each decision; `keys` [T] make the draws."""
    return bandit.choose(rows, features(len(rows), is_phone, is_late), even_draws(keys))


def features(count: int, is_phone: bool, is_late: bool) -> NDArray[np.float64]:
    """Features [T, 2, F] of both arms of `count` titles."""
    return features_of(np.tile(ARMS, (count, 1)), is_phone, is_late)


def told(plays: bool, chance: float, still: str) -> Preview:
    """The decision with its reason; `still` says why all previews stand still, '' where they do not."""
    if still:
        return Preview(False, 1.0, still)
    reason = TRIED if chance < CLEAR else MOVES_BETTER if plays else STILL_BETTER
    return Preview(plays, round(chance, 6), reason)
