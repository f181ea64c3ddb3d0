"""A policy may fill whole pages: rows of different lengths, each title with an image of the policy's choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.simulator.appeal import image_appeal
from training.simulator.artwork import Artwork
from training.simulator.closed_loop import LoopConfig, closed_loop
from training.simulator.log import Simulated
from training.simulator.policies import EMPTY, OraclePolicy, Pages, Request, Yardstick, rows_of
from training.simulator.tally import Tally
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import World

LOOP = LoopConfig(days=5, num_viewers=None)


class ShortRows(Yardstick):
    """The oracle's page cut to rows of `length`, with images that it likes best or least."""

    name = "short rows"

    def __init__(self, world: World, length: int, best_images: bool = True) -> None:
        self._world = world
        self._length = length
        self._sign = 1 if best_images else -1

    def pages(self, request: Request, num_slots: int) -> Pages:
        whole = OraclePolicy().pages(request, num_slots)
        config = self._world.config
        is_cut = np.arange(num_slots) % config.num_columns >= self._length
        return whole._replace(items=np.where(is_cut, EMPTY, whole.items), images=self._images(request, whole.items))

    def _images(self, request: Request, items: NDArray[np.int64]) -> NDArray[np.int64]:
        liked = [
            image_appeal(self._world, request.sessions, items, np.full(items.shape, image))
            for image in range(NUM_IMAGES)
        ]
        return (self._sign * np.stack(liked)).argmax(axis=0)


def tally(tiny: Simulated, length: int, best_images: bool = True, artwork: Artwork = Artwork.RANDOM) -> Tally:
    def maker(*given: object) -> ShortRows:
        return ShortRows(tiny.world, length, best_images)

    return closed_loop(tiny, maker, (1,), replace(LOOP, artwork=artwork)).tallies[0]


def test_nobody_sees_an_empty_slot(tiny: Simulated) -> None:
    short, whole = (tally(tiny, length) for length in (1, tiny.world.config.num_columns))
    assert (short.glances <= 3 * tiny.world.config.num_rows * short.pages).all()
    assert 0 < short.plays.sum() < whole.plays.sum()


def test_the_images_of_a_policy_are_those_shown(tiny: Simulated) -> None:
    width = tiny.world.config.num_columns
    best, worst = (tally(tiny, width, best_images) for best_images in (True, False))
    assert best.plays.sum() > 1.05 * worst.plays.sum()
    by_the_loop = closed_loop(tiny, "oracle", (1,), replace(LOOP, artwork=Artwork.ORACLE)).tallies[0]
    assert np.array_equal(best.plays, by_the_loop.plays)


def test_rows_are_laid_out_from_the_left_and_cut_to_the_page() -> None:
    items, images = rows_of([[5, 6], [7, 8, 9, 10], [1], [2]], [[0, 1], [2, 3, 0, 0], [1], [1]], 3, 3)
    assert items.reshape(3, 3).tolist() == [[5, 6, EMPTY], [7, 8, 9], [1, EMPTY, EMPTY]]
    assert images.reshape(3, 3).tolist() == [[0, 1, 0], [2, 3, 0], [1, 0, 0]]
