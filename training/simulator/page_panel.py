"""Pages made in several ways for the same requests, judged by the world's truth instead of by what one visit came to.

What a page is worth is the chance that something on it is played: over many looks of the eye, exact over tastes. Visits
differ so much by luck that this tells ways to make pages apart with a hundredth of the viewers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from serving.bundle import Bundle
from serving.page.homepage import Homepage
from training.simulator.attention import Kernel
from training.simulator.draws import Draws
from training.simulator.expected_plays import glances, play_chance
from training.simulator.log import Simulated
from training.simulator.page_policy import PagePolicy, PagePolicyConfig, page_settings
from training.simulator.policies import Pages, Request
from training.simulator.state import State
from training.simulator.world import World


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
            glanced = glances(self._world, self._kernel, one)
            for name, other in self._others.items():
                self.chances[name].append(play_chance(self._world, one, other.pages(one, num_slots), glanced))
        return super().pages(request, num_slots)

    def _beside(self, config: PagePolicyConfig) -> PagePolicy:
        """Another policy on the same state."""
        home = self._home
        parts = (home.recommender, home.parts, home.live, home.settings, home.presenter.bandit)
        return PagePolicy(Homepage(*parts, page_settings(config)), self._world, config, self.name)
