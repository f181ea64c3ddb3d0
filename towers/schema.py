"""The event schema: the columns and event types that every reader produces and every room understands."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class EventType(StrEnum):
    """What a viewer did, in the words of the event log."""

    IMPRESSION = "impression"
    FOCUS = "focus"
    DETAIL = "detail"
    TRAILER_START = "trailer_start"
    TRAILER_END = "trailer_end"
    PLAY = "play"
    PROGRESS = "progress"
    PAUSE = "pause"
    RESUME = "resume"
    SEEK = "seek"
    STOP = "stop"
    COMPLETE = "complete"
    NEXT_EPISODE_AUTO = "next_episode_auto"
    THUMB_UP = "thumb_up"
    THUMB_DOWN = "thumb_down"
    LIST_ADD = "list_add"
    LIST_REMOVE = "list_remove"
    SEARCH = "search"
    NOT_INTERESTED = "not_interested"
    REMOVE_FROM_HISTORY = "remove_from_history"
    RESET = "reset"
    PURCHASE = "purchase"
    RATING = "rating"
    CLICK = "click"


TARGET_EVENTS: Final = frozenset(
    {EventType.PLAY, EventType.COMPLETE, EventType.RATING, EventType.CLICK, EventType.PURCHASE, EventType.THUMB_UP}
)
"""Events that say an item was chosen: the towers learn to predict their items."""

HISTORY_EVENTS: Final = TARGET_EVENTS | {EventType.LIST_ADD, EventType.THUMB_DOWN, EventType.NOT_INTERESTED}
"""Events that enter the history a user tower reads."""

REQUIRED_COLUMNS: Final = ("user_id", "item_id", "ts_ms")
"""Of the canonical event table: ids are str, `ts_ms` is int64 milliseconds."""

OPTIONAL_COLUMNS: Final = ("event", "event_id", "session_id", "rating", "liked", "watch_s", "duration_s")
"""Of the canonical event table; every further column is a context column (str)."""
