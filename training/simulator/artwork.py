"""Which of a title's images is shown.

Shapes: S sessions, K slots, I images.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.simulator.appeal import image_appeal
from training.simulator.draws import Draws, Stream
from training.simulator.sessions import Sessions
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import DAY_MS, START_MS, World


class Artwork(StrEnum):
    """How images are chosen: by chance for a week, always the first, or the one the viewer likes best."""

    RANDOM = "random"
    FIRST = "first"
    ORACLE = "oracle"


class Shown(NamedTuple):
    """images: int64 [S, K], behind the last number where they move. appeal: float32 [S, K], added to the log odds."""

    images: NDArray[np.int64]
    appeal: NDArray[np.float32]


def images_for(
    artwork: Artwork,
    world: World,
    draws: Draws,
    sessions: Sessions,
    items: NDArray[np.int64],
    chosen: NDArray[np.int64] | None = None,
    moves: NDArray[np.bool_] | None = None,
) -> Shown:
    """Images of the titles [S, K] and their appeal; the policy's own where it has `chosen` [S, K]. Those that `moves`
    [S, K] are shown as previews.
    """
    if chosen is not None:
        images = chosen
    elif artwork is Artwork.ORACLE:
        choices = [image_appeal(world, sessions, items, np.full(items.shape, image)) for image in range(NUM_IMAGES)]
        images = np.stack(choices).argmax(axis=0)
    elif artwork is Artwork.FIRST:
        images = np.zeros(items.shape, dtype=np.int64)
    else:
        week = (sessions.start_ms - START_MS) // (7 * DAY_MS)
        chance = draws.uniform(Stream.ARTWORK, sessions.profile[:, None], week[:, None], items)
        images = (NUM_IMAGES * chance).astype(np.int64)
    if moves is not None:
        images = images % NUM_IMAGES + NUM_IMAGES * moves
    return Shown(images, image_appeal(world, sessions, items, images))
