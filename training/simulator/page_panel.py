"""Pages made in several ways for the same requests, judged by the world's truth instead of by what one visit came to.

What a page is worth is the chance that something on it is played: over many looks of the eye, exact over tastes. Visits
differ so much by luck that this tells ways to make pages apart with a hundredth of the viewers.
Shapes: M looks, I rows, J columns, K = I J slots, N titles, V images.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.bundle import Bundle
from serving.page.homepage import Homepage
from training.simulator.appeal import image_appeal
from training.simulator.attention import Kernel, glance_times
from training.simulator.draws import Draws
from training.simulator.log import Simulated
from training.simulator.page_policy import PagePolicy, PagePolicyConfig, page_settings
from training.simulator.policies import EMPTY, Pages, Request
from training.simulator.state import State
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import World

NUM_LOOKS: Final = 64


class PagePanel(PagePolicy):
    """Viewers live under the pages of one policy; `chances` holds the worth of the others' pages beside them.

    The others know the same of viewers and images, since they share its state.
    """

    chances: dict[str, list[float]]

    @classmethod
    def watching(
        cls,
        bundle: Bundle,
        world: World,
        log: Path,
        configs: Mapping[str, PagePolicyConfig],
        name: str,
        kernel: Kernel,
    ) -> PagePanel:
        """Viewers live under the config of that name."""
        panel = cls.open(bundle, world, log, configs[name], name)
        panel._kernel = kernel
        panel._others = {other: panel._beside(config) for other, config in configs.items()}
        panel.chances = {other: [] for other in configs}
        return panel

    _kernel: Kernel
    _others: dict[str, PagePolicy]

    def made(self, simulated: Simulated, state: State, draws: Draws) -> PagePanel:
        """Itself, for one closed loop."""
        return self

    def pages(self, request: Request, num_slots: int) -> Pages:
        """Its own pages; the others' are judged alone."""
        for s in range(len(request.sessions.viewer)):
            one = request.only(s)
            glanced = self._glanced(one)
            for name, other in self._others.items():
                self.chances[name].append(play_chance(self._world, one, other.pages(one, num_slots), glanced))
        return super().pages(request, num_slots)

    def _beside(self, config: PagePolicyConfig) -> PagePolicy:
        """Another policy on the same state."""
        home = self._home
        parts = (home.recommender, home.parts, home.live, home.settings, home.presenter.bandit)
        return PagePolicy(Homepage(*parts, page_settings(config)), self._world, config, self.name)

    def _glanced(self, request: Request) -> NDArray[np.bool_]:
        """Slots [M, I, J] that the eye falls on, the same whatever stands there."""
        config, sessions = self._world.config, request.sessions
        rng = np.random.default_rng([int(sessions.viewer[0]), int(sessions.number[0]), request.visit])
        return self._kernel.glances(rng.random((NUM_LOOKS, config.num_rows, config.num_columns)))


def play_chance(world: World, request: Request, pages: Pages, glanced: NDArray[np.bool_]) -> float:
    """Chance that the one viewer of a request plays something on the one page; images by chance where none is chosen.

    A title that stands there twice is taken or left once.
    """
    items = np.maximum(pages.items, 0)
    choices = [np.full(items.shape, image) for image in range(NUM_IMAGES)] if pages.images is None else [pages.images]
    odds = request.odds[:, items[0]]
    taken = [1 / (1 + np.exp(-(odds + image_appeal(world, request.sessions, items, images)))) for images in choices]
    is_there = (pages.items != EMPTY).reshape(glanced.shape[1:])
    is_seen = glance_times(glanced & is_there) <= request.sessions.patience_s[0]
    titles, first, which = np.unique(pages.items[0], return_index=True, return_inverse=True)
    sees = np.zeros((len(is_seen), len(titles)), dtype=np.bool_)
    np.logical_or.at(sees.T, which, is_seen.T)
    left = 1 - np.mean(taken, axis=0)[0, first] * sees
    return float((1 - left.prod(axis=1)).mean())
