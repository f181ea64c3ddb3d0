"""One event of the live stream and what it says of the viewer; agrees with how training reads an event table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from towers.history import NUM_SHARE_BUCKETS, Action
from towers.schema import TARGET_EVENTS, EventType

COMPLETED_SHARE: Final = 0.93
ABANDONED_SHARE: Final = 0.15

ONBOARDING: Final = "onboarding"
"""Row type of a newcomer's answers; they count in no popularity, since everybody is asked about the same titles."""

LASTING: Final = frozenset(
    {EventType.NOT_INTERESTED, EventType.LIST_ADD, EventType.LIST_REMOVE, EventType.THUMB_UP, EventType.THUMB_DOWN}
    | {EventType.REMOVE_FROM_HISTORY, EventType.RESET}
)
"""What a viewer said once and for all; no bundle that learned of it holds it whole."""


class Event(NamedTuple):
    """`event_id`, when given, makes its delivery idempotent; `liked` is 1 or 0; what is not known is None.

    From `row_id` on: what was shown where, in which `variant_id` (artwork) and with which probability (`propensity`).
    `context`: further columns of the moment, as in a query.
    """

    user_id: str
    item_id: str
    ts_ms: int
    event: EventType = EventType.CLICK
    event_id: str | None = None
    liked: float | None = None
    watch_s: float | None = None
    duration_s: float | None = None
    rating: float | None = None
    account_id: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    series_id: str | None = None
    season: int | None = None
    episode: int | None = None
    position_s: float | None = None
    row_id: str | None = None
    row_type: str | None = None
    row_pos: int | None = None
    col_pos: int | None = None
    variant_id: str | None = None
    propensity: float | None = None
    model_version: str | None = None
    device: str | None = None
    tz_offset_min: int | None = None
    autoplay: bool | None = None
    query: str | None = None
    context: Mapping[str, str] | None = None


def action_of(event: Event) -> Action:
    """What the viewer made of the item; what the viewer said goes before what the watch time suggests."""
    share = watched_share(event)
    rules = (
        (Action.LIKED, event.event == EventType.THUMB_UP or event.liked == 1),
        (Action.DISLIKED, event.event in {EventType.THUMB_DOWN, EventType.NOT_INTERESTED} or event.liked == 0),
        (Action.COMPLETED, event.event == EventType.COMPLETE or share >= COMPLETED_SHARE),
        (Action.ABANDONED, share < ABANDONED_SHARE),
        (Action.LISTED, event.event == EventType.LIST_ADD),
        (Action.PURCHASED, event.event == EventType.PURCHASE),
        (Action.CHOSEN, event.event in TARGET_EVENTS),
    )
    return next((action for action, applies in rules if applies), Action.UNKNOWN)


def share_bucket(event: Event) -> int:
    """Bucket of the watched share, 0 where unknown; see `towers.history`."""
    share = watched_share(event)
    return 0 if math.isnan(share) else min(max(1 + math.floor(10 * share), 1), NUM_SHARE_BUCKETS - 1)


def watched_share(event: Event) -> float:
    """Share of the item that was watched; NaN where unknown."""
    if event.watch_s is None or event.duration_s is None or event.duration_s <= 0:
        return math.nan
    return event.watch_s / event.duration_s
