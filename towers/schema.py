"""The event schema: the columns and event types that every reader produces and every room understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
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

EXPOSURE_COLUMNS: Final = (
    "account_id",
    "request_id",
    "series_id",
    "season",
    "episode",
    "position_s",
    "row_id",
    "row_type",
    "row_pos",
    "col_pos",
    "variant_id",
    "propensity",
    "model_version",
    "autoplay",
    "query",
)
"""Of logs that say what was shown: not known when items are asked for, so never context."""

ITEMLESS_EVENTS: Final = frozenset({EventType.SEARCH, EventType.RESET})
"""Events that concern no item: their `item_id` may be missing and is then ''."""


class BadRow(StrEnum):
    """Why a row of an event table was refused; the first reason in this order is the one reported."""

    NULL_USER = "user_id is missing"
    NULL_ITEM = "item_id is missing"
    UNREADABLE_TIME = "time is unreadable"
    NEGATIVE_TIME = "time is before 1970"
    FUTURE_TIME = "time is in the future"
    UNKNOWN_EVENT = "event type is unknown"
    BAD_RATING = "rating is not a finite number"
    BAD_LIKED = "liked is neither 0 nor 1"
    BAD_WATCH = "watch_s is not a number of seconds"
    BAD_DURATION = "duration_s is not a number of seconds"
    WATCH_BEYOND_DURATION = "watch_s is far beyond duration_s"
    UNKNOWN_ITEM = "item_id is not in the catalogue"
    DUPLICATE = "event is a duplicate"


@dataclass(frozen=True, kw_only=True)
class CheckRules:
    """What an event table must hold; every reader's Config carries these options.

    Duplicates do not count towards `max_bad_share`, since logs that deliver at least once repeat rows and dropping
    them loses nothing; `max_duplicate_share` catches the other kind, such as an `event_id` that is always the same.
    `unknown_items` is `keep` or `reject`: behaviour logs often know more items than the catalogue.
    """

    max_bad_share: float = 0.01
    max_duplicate_share: float = 0.5
    max_watch_ratio: float = 20.0
    unknown_items: str = "keep"

    def __post_init__(self) -> None:
        if self.unknown_items not in {"keep", "reject"}:
            raise ValueError(f"unknown_items is {self.unknown_items!r}; choose keep or reject")
        for name, share in (("max_bad_share", self.max_bad_share), ("max_duplicate_share", self.max_duplicate_share)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}; give a share from 0 to 1")


@dataclass(frozen=True)
class CheckReport:
    """What the checks found: rows read and kept, refused rows by reason, the file that holds them.

    `num_unknown_items` counts the distinct items of kept events that the catalogue does not know.
    """

    num_read: int
    num_kept: int
    bad: Mapping[str, int]
    quarantine: Path | None = None
    num_unknown_items: int = 0
