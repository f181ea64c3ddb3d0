"""What a viewer's live events say of how they watched; agrees with how training reads a log.

Shapes: W watched titles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.watching import SITTING_MS, UNKNOWN, Watching, nothing
from serving.events import Event, share_bucket
from serving.page.variants import local_hour
from towers.schema import EventType

BEGINS: Final = frozenset({EventType.PLAY, EventType.RESUME, EventType.CLICK})
ENDS: Final = frozenset({EventType.STOP, EventType.PROGRESS, EventType.COMPLETE})
MOST: Final = 127

Rows = Callable[[Sequence[str]], NDArray[np.int64]]


def watching_of(events: Sequence[Event], rows_of: Rows, device_names: Sequence[str]) -> Watching:
    """What was watched, by events in the order of time; pauses, next episodes and ends belong to the play before."""
    plays: list[list[int]] = []
    newest: dict[str, list[int]] = {}
    items: list[str] = []
    place = {name: number for number, name in enumerate(device_names)}
    for event in events:
        if event.event in BEGINS:
            newest[event.item_id] = _begun(event, place)
            plays.append(newest[event.item_id])
            items.append(event.item_id)
        else:
            _goes_on(event, newest.get(event.item_id))
    if not plays:
        return nothing()
    ts_ms, *others = np.array(plays, dtype=np.int64).T
    return Watching(rows_of(items), ts_ms, *(np.minimum(each, MOST).astype(np.int8) for each in others))


def _begun(event: Event, place: dict[str, int]) -> list[int]:
    """Fields of `Watching` behind the row."""
    context = event.context or {}
    device = event.device or context.get("device", "")
    companions = context.get("companions", "")
    company = UNKNOWN if not companions else int(companions != "alone")
    hour = local_hour(event.ts_ms, event.tz_offset_min or 0)
    return [event.ts_ms, 1, share_bucket(event), 0, place.get(device, UNKNOWN), company, hour]


def _goes_on(event: Event, play: list[int] | None) -> None:
    """What happens after a play in the same sitting."""
    if play is None or event.ts_ms - play[0] > SITTING_MS:
        return
    if event.event == EventType.NEXT_EPISODE_AUTO:
        play[1] += 1
    elif event.event == EventType.PAUSE:
        play[3] += 1
    elif event.event in ENDS and share_bucket(event):
        play[2] = share_bucket(event)
