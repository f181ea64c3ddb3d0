"""How much viewers want titles at a moment, and whether they take what they see.

Shapes: S sessions, N titles, K slots.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.simulator.draws import Draws, Stream
from training.simulator.sessions import PHONE, TV, Sessions
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import World

INTERCEPT = -3.5
CENTRE = 0.12
TASTE, IMAGE, QUALITY, HOME, TIREDNESS, BAIT = 12.0, 2.2, 0.45, 0.2, 0.1, 0.9
LATE_DARK, TOGETHER_FAMILY, PHONE_LENGTH, TV_LENGTH = -1.6, 1.6, -0.5, 0.25


def utilities(world: World, sessions: Sessions) -> NDArray[np.float32]:
    """What watching each title is worth to the viewer at the moment [S, N]."""
    titles, viewers = world.titles, world.viewers
    who = sessions.viewer
    length = np.log(titles.minutes / 45)
    worth: NDArray[np.float32] = (
        TASTE * (viewers.taste[who] @ titles.topics.T - CENTRE)
        + QUALITY * titles.quality
        + HOME * (viewers.region[who][:, None] == titles.region)
        - viewers.short_form[who][:, None] * length
        + _of_the_moment(world, sessions, length)
    ).astype(np.float32)
    return worth


def attractions(
    world: World, sessions: Sessions, utility: NDArray[np.float32], tired: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Log odds [S, N] that a title seen without its image is taken; `tired` [S, N] are earlier glances in vain."""
    known = world.viewers.popularity_taste[sessions.viewer][:, None] * world.titles.awareness
    drawn: NDArray[np.float32] = INTERCEPT + utility + known - np.float32(TIREDNESS) * np.minimum(tired, 5)
    return drawn


def image_appeal(
    world: World, sessions: Sessions, items: NDArray[np.int64], images: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What the images [S, K] of the items add to the log odds [S, K]; a number behind the last image's is that of an
    image which moves, the title's preview.
    """
    titles, moves = world.titles, images >= NUM_IMAGES
    images = images % NUM_IMAGES
    shown = titles.image_topics[items, images]
    fit = np.take_along_axis(world.viewers.taste[sessions.viewer], shown, axis=1) - CENTRE
    bait = BAIT * (titles.image_bait[items, images] | (moves & titles.preview_bait[items]))
    preview = titles.preview_lift[items] * moves
    return (world.config.artwork_scale * (IMAGE * fit + bait + preview)).astype(np.float32)


def takes(draws: Draws, sessions: Sessions, items: NDArray[np.int64], odds: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which titles [S, K] would be taken if seen.

    The noise belongs to viewer, session and title alone: showing a title twice or elsewhere asks nothing anew.
    """
    chance = draws.uniform(Stream.CHOICE, sessions.viewer[:, None], sessions.number[:, None], items)
    return chance < 1 / (1 + np.exp(-odds.astype(np.float64)))


def _of_the_moment(world: World, sessions: Sessions, length: NDArray[np.float32]) -> NDArray[np.float32]:
    """Late hours shun dark titles, company likes family titles, small screens short ones, large screens long ones."""
    titles = world.titles
    device = PHONE_LENGTH * (sessions.device == PHONE) + TV_LENGTH * (sessions.device == TV)
    effect = (
        LATE_DARK * sessions.is_late[:, None] * titles.dark
        + TOGETHER_FAMILY * sessions.is_together[:, None] * titles.family
        + device[:, None] * length
    )
    scaled: NDArray[np.float32] = (world.config.context_scale * effect).astype(np.float32)
    return scaled
