"""The service day by day: viewers come, look at the page, watch, and come again or leave.

Shapes: S sessions, K slots, N titles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.simulator.artwork import Artwork, images_for
from training.simulator.attention import Kernel, glance_times
from training.simulator.draws import Draws, Stream
from training.simulator.events import EventBlock
from training.simulator.intents import direct_plays
from training.simulator.page_events import PageView, page_events, reactions
from training.simulator.policies import EMPTY, Policy, Request
from training.simulator.sessions import sessions_of_day
from training.simulator.sitting import Play, Sitting
from training.simulator.state import FADE_A_DAY, State
from training.simulator.tally import ABANDONED_SHARE, Tally
from training.simulator.world import World

MOST_VISITS: Final = 3
LEAST_PATIENCE_S: Final = 10.0
MONTHLY_CHURN: Final = 0.05

Sink = Callable[[EventBlock], None]


@dataclass(frozen=True, eq=False)
class Service:
    """A world with a policy and everything that happens there; `state` and `tally` change in place."""

    world: World
    state: State
    draws: Draws
    policy: Policy
    kernel: Kernel
    artwork: Artwork
    tally: Tally

    def live(self, who: NDArray[np.int64], sink: Sink = lambda block: None) -> None:
        """One day of the viewers `who`; what they do goes to the policy and to the sink, a batch at a time."""
        for sessions in sessions_of_day(self.world, self.state, self.draws, who):
            self.tally.sessions[sessions.viewer] += 1
            sitting = Sitting(self.world, self.state, self.draws, self.tally, sessions)
            browsing = direct_plays(sitting)
            self._tell(sitting, sink)
            self.tally.pages[sessions.viewer[browsing]] += 1
            for visit in range(MOST_VISITS):
                if len(browsing):
                    browsing = self._visit(sitting, browsing, visit)
                    self._tell(sitting, sink)
            sitting.settle()
        self._end_of_day(who)

    def _tell(self, sitting: Sitting, sink: Sink) -> None:
        """What just happened is known before the next page is asked for."""
        block = sitting.events()
        if block is not None:
            self.policy.observe(block)
            sink(block)

    def _visit(self, sitting: Sitting, browsing: NDArray[np.int64], visit: int) -> NDArray[np.int64]:
        """One page for the sessions at `browsing`; those that go on to another one."""
        view = self._look(sitting, browsing, visit)
        sitting.add(page_events(sitting, view))
        sitting.add(reactions(sitting, view))
        self._tire(sitting, view)
        self.tally.glances[sitting.sessions.viewer[browsing]] += view.is_seen.sum(axis=1)
        has_play = view.slot >= 0
        sitting.clock_ms[browsing] += np.round(1000 * view.spent_s).astype(np.int64)
        sitting.patience_s[browsing] -= view.spent_s
        playing = browsing[has_play]
        if len(playing) == 0:
            return playing
        share = sitting.play(_play(view, playing, has_play))
        self.tally.add_plays(sitting.sessions.viewer[playing], view.played[has_play], share)
        chance = self.draws.uniform(Stream.AGAIN, *sitting.keys(playing), np.array(visit))
        return playing[(chance < goes_on(share)) & (sitting.patience_s[playing] > LEAST_PATIENCE_S)]

    def _look(self, sitting: Sitting, browsing: NDArray[np.int64], visit: int) -> PageView:
        sessions = sitting.sessions.take(browsing)
        odds = sitting.odds(browsing)
        asking = sessions._replace(patience_s=sitting.patience_s[browsing])
        request = Request(asking, visit, odds, self._allowed(sessions.profile), sitting.clock_ms[browsing])
        config = self.world.config
        pages = self.policy.pages(request, config.num_slots)
        items = np.maximum(pages.items, 0)
        shown = images_for(self.artwork, self.world, self.draws, sessions, items, pages.images, pages.previews)
        slot_odds = np.take_along_axis(odds, items, axis=1) + shown.appeal
        keys = (sessions.viewer[:, None], sessions.number[:, None], np.array(visit), np.arange(config.num_slots))
        uniform = self.draws.uniform(Stream.ATTENTION, *keys)
        glanced = self.kernel.glances(uniform.reshape(len(browsing), config.num_rows, config.num_columns))
        glanced &= (pages.items != EMPTY).reshape(glanced.shape)
        return PageView.of(browsing, visit, pages, shown.images, slot_odds, glance_times(glanced), sitting)

    def _allowed(self, profile: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Titles [S, N] that are out and not in the profile's history."""
        return ~self.state.seen[profile] & (self.world.titles.release_day <= self.state.day)

    def _tire(self, sitting: Sitting, view: PageView) -> None:
        """A glance without a play makes the next one less likely to end in one."""
        session, slot = np.nonzero(view.is_seen)
        where = (sitting.sessions.profile[view.browsing][session], view.items[session, slot])
        self.state.tired[where] = np.minimum(self.state.tired[where] + 1, 200)

    def _end_of_day(self, who: NDArray[np.int64]) -> None:
        state, account = self.state, self.world.viewers.account
        is_here = state.is_member[account[who]] & (self.world.viewers.join_day[who] <= state.day)
        who = who[is_here]
        size = np.bincount(account[who], minlength=len(state.is_member))
        content = np.bincount(account[who], state.contentment[who], len(state.is_member)) / np.maximum(size, 1)
        chance = MONTHLY_CHURN / 30 * np.exp(-3.0 * content)
        self.tally.days[who] += 1
        self.tally.churn[who] += chance[account[who]]
        accounts = np.arange(len(state.is_member))
        state.is_member[(size > 0) & (self.draws.uniform(Stream.CHURN, accounts, np.array(state.day)) < chance)] = False
        state.plays *= FADE_A_DAY
        if state.day % 7 == 6:
            state.tired //= 2
        state.day += 1


def goes_on(share: NDArray[np.float64] | NDArray[np.float32]) -> NDArray[np.float64]:
    """Chance to want another page after a play of which so much was watched."""
    return np.where(share < ABANDONED_SHARE, 0.7, 0.3)


def _play(view: PageView, playing: NDArray[np.int64], has_play: NDArray[np.bool_]) -> Play:
    here = np.flatnonzero(has_play), view.slot[has_play]
    return Play.from_page(
        playing, view.items[here], view.images[here], view.visit, view.slot[has_play], view.propensity[here],
        view.row_type[has_play],
    )  # fmt: skip
