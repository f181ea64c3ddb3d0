"""What happens on a page: which slots are seen, which one is played, and small signs of interest.

Shapes: S sessions, K slots, E events.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.schema import EventType
from training.simulator.appeal import takes
from training.simulator.draws import Stream
from training.simulator.events import CODES, EventBlock
from training.simulator.policies import Pages
from training.simulator.sitting import Sitting

NEARLY: Final = 0.9
"""What is added to the log odds of a title that is nearly taken."""

DETAIL, LISTED, NOT_INTERESTED = 0.4, 0.5, 0.9993
"""Chances that end these reactions: a nearly taken title's details are opened or it goes on the list; of the others,
one in 1,400 is told to go away."""


class PageView(NamedTuple):
    """Pages as seen. Arrays [S, K], but browsing (places of the sessions), slot (-1 without a play), row_type and
    spent_s (seconds on the page) are [S]. seen_s: when a slot was seen, in seconds.
    """

    browsing: NDArray[np.int64]
    visit: int
    items: NDArray[np.int64]
    images: NDArray[np.int64]
    propensity: NDArray[np.float32]
    row_type: NDArray[np.int64]
    odds: NDArray[np.float32]
    seen_s: NDArray[np.float64]
    is_seen: NDArray[np.bool_]
    slot: NDArray[np.int64]
    spent_s: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        browsing: NDArray[np.int64],
        visit: int,
        pages: Pages,
        images: NDArray[np.int64],
        odds: NDArray[np.float32],
        seen_s: NDArray[np.float64],
        sitting: Sitting,
    ) -> PageView:
        """The walk: the first title that is seen and taken ends it, or the end of patience does."""
        patience_s = sitting.patience_s[browsing]
        in_time = seen_s <= patience_s[:, None]
        is_taken = takes(sitting.draws, sitting.sessions.take(browsing), pages.items, odds) & in_time
        taken_s = np.where(is_taken, seen_s, np.inf)
        slot = taken_s.argmin(axis=1)
        end_s = taken_s.min(axis=1)
        has_play = np.isfinite(end_s)
        return cls(
            browsing=browsing,
            visit=visit,
            items=pages.items,
            images=images,
            propensity=pages.propensity,
            row_type=pages.row_type,
            odds=odds,
            seen_s=seen_s,
            is_seen=in_time & (seen_s <= end_s[:, None]),
            slot=np.where(has_play, slot, -1),
            spent_s=np.where(has_play, end_s, patience_s),
        )

    @property
    def played(self) -> NDArray[np.int64]:
        """Title [S] that was played, meaningless where none was."""
        return self.items[np.arange(len(self.slot)), self.slot]


def page_events(sitting: Sitting, view: PageView) -> EventBlock:
    """An impression for every slot that was seen."""
    session, slot = np.nonzero(view.is_seen)
    return _events(sitting, view, session, slot, np.full(len(slot), CODES[EventType.IMPRESSION]))


def reactions(sitting: Sitting, view: PageView) -> EventBlock:
    """Details opened, titles listed, titles sent away; listed and unwanted ones leave the pages to come."""
    is_left = view.is_seen.copy()
    has_play = np.flatnonzero(view.slot >= 0)
    is_left[has_play, view.slot[has_play]] = False
    sessions = sitting.sessions.take(view.browsing)
    is_near = takes(sitting.draws, sessions, view.items, view.odds + np.float32(NEARLY))
    keys = (sessions.viewer[:, None], sessions.number[:, None], view.items)
    chance = sitting.draws.uniform(Stream.REACTION, *keys)
    event = np.select(
        [~is_left, is_near & (chance < DETAIL), is_near & (chance < LISTED), ~is_near & (chance > NOT_INTERESTED)],
        [-1, CODES[EventType.DETAIL], CODES[EventType.LIST_ADD], CODES[EventType.NOT_INTERESTED]],
        -1,
    )
    session, slot = np.nonzero(event >= 0)
    kinds = event[session, slot]
    profile, items = sessions.profile[session], view.items[session, slot]
    state = sitting.state
    state.seen[profile, items] |= kinds != CODES[EventType.DETAIL]
    is_listed = kinds == CODES[EventType.LIST_ADD]
    state.listed[profile[is_listed]] = items[is_listed]
    return _events(sitting, view, session, slot, kinds)


def _events(
    sitting: Sitting, view: PageView, session: NDArray[np.int64], slot: NDArray[np.int64], kinds: NDArray[np.int64]
) -> EventBlock:
    columns = sitting.world.config.num_columns
    at = view.browsing[session]
    delay_ms = np.round(1000 * view.seen_s[session, slot]).astype(np.int64) - (kinds == CODES[EventType.IMPRESSION])
    return sitting.block(at, sitting.clock_ms[at] + delay_ms, kinds)._replace(
        visit=np.full(len(at), view.visit),
        item=view.items[session, slot],
        row_type=view.row_type[session],
        row=slot // columns,
        column=slot % columns,
        image=view.images[session, slot],
        propensity=view.propensity[session, slot],
    )
