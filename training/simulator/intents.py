"""What some viewers come for before they look at the page: to go on, to search, their list, a title they love.

Shapes: S sessions, W plays.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from towers.schema import EventType
from training.simulator.draws import Stream
from training.simulator.events import CODES, ROW_TYPES
from training.simulator.sitting import Play, Sitting

BROWSE_AFTER: Final = 0.35
"""Chance of a look at the page after that."""

_RESUME, _SEARCH, _LIST, _AGAIN = 0.45, 0.52, 0.6, 0.62
"""Where the chances of the intents end, one above the other."""


def direct_plays(sitting: Sitting) -> NDArray[np.int64]:
    """Play what viewers came for; the sessions [W] that then look at the page, all others included."""
    state, profile = sitting.state, sitting.sessions.profile
    everyone = np.arange(len(profile))
    chance = sitting.draws.uniform(Stream.INTENT, *sitting.keys(everyone))
    browses = np.ones(len(profile), dtype=np.bool_)
    intents = (
        (chance < _RESUME, state.resume[profile], "continue_watching", EventType.RESUME),
        ((chance >= _RESUME) & (chance < _SEARCH), None, "search", EventType.PLAY),
        ((chance >= _SEARCH) & (chance < _LIST), state.listed[profile], "my_list", EventType.PLAY),
        ((chance >= _LIST) & (chance < _AGAIN), state.loved[profile], "watch_again", EventType.PLAY),
    )
    for is_meant, items, row_type, event in intents:
        at = np.flatnonzero(is_meant if items is None else is_meant & (items >= 0))
        if len(at) == 0:
            continue
        wanted = _search(sitting, at) if items is None else items[at]
        row_types = np.full(len(at), ROW_TYPES.index(row_type))
        sitting.play(Play.direct(at, wanted, row_types, event))
        browses[at] = False
    browses |= sitting.draws.uniform(Stream.INTENT, *sitting.keys(everyone), np.array(1)) < BROWSE_AFTER
    return np.flatnonzero(browses)


def _search(sitting: Sitting, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Note the search; what was found: a known title that fits the taste, with much chance in it."""
    asked = sitting.block(at, sitting.clock_ms[at], CODES[EventType.SEARCH])
    sitting.add(asked._replace(row_type=np.full(len(at), ROW_TYPES.index("search"))))
    sitting.clock_ms[at] += 15_000
    titles, profile = sitting.world.titles, sitting.sessions.profile[at]
    viewer, number = sitting.keys(at)
    noise = sitting.draws.gumbel(Stream.SEARCH, viewer[:, None], number[:, None], np.arange(titles.num_titles))
    score = sitting.utility[at] + 3 * titles.awareness + noise
    is_out = (titles.release_day <= sitting.state.day) & ~sitting.state.seen[profile]
    found: NDArray[np.int64] = np.where(is_out, score, -np.inf).argmax(axis=1)
    return found
