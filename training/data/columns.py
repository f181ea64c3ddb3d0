"""Which column of a file is which: usual names are recognised, others are mapped in the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import pandas as pd

EVENT_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(others.split())
    for name, others in {
        "user_id": "user viewer viewer_id profile profile_id customer customer_id uid reader_id reviewer_id visitor_id "
        "member_id subscriber_id",
        "item_id": "item movie_id title_id asin article article_id product_id video_id content_id show_id news_id "
        "track_id book_id",
        "timestamp": "ts ts_ms timestamp_ms time event_time event_time_ms event_timestamp datetime date "
        "unix_review_time unix_timestamp created_at",
        "event": "event_type event_name action interaction behavior behaviour",
        "event_id": "",
        "session_id": "session",
        "rating": "score stars overall",
        "liked": "like is_like is_liked",
        "watch_s": "watch_ms watch_time watch_time_s watch_time_ms watch_seconds watch_duration watched_s dwell_s "
        "dwell_ms dwell_time",
        "duration_s": "duration duration_ms duration_seconds item_duration video_duration length_s runtime_s",
    }.items()
}
"""Columns of an event table and the other names they are known by; case and underscores do not matter."""

ITEM_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "item_id": (*EVENT_NAMES["item_id"], "id"),
    "title": ("name", "item_name", "movie_title", "headline"),
    "genres": ("genre", "categories", "category"),
    "people": ("cast", "actors"),
    "text": ("overview", "plot", "description", "summary", "synopsis"),
    "year": ("release_year",),
    "maturity": ("rated", "certification", "maturity_rating", "age_rating", "content_rating"),
    "released": ("release_ms", "release_date", "published_at", "publish_time", "created_at_ts"),
}
"""Columns of a catalogue and the other names they are known by."""

USER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {"user_id": (*EVENT_NAMES["user_id"], "id")}
"""Columns of a table of viewers and the other names they are known by."""


def recognise(
    present: Iterable[str], names: Mapping[str, tuple[str, ...]], mapping: Mapping[str, str], group: str
) -> dict[str, str]:
    """The file's name of each column of `names` that it has; what is mapped is taken as mapped.

    `group` is the option that holds `mapping`. A ValueError names an unknown option, a mapped column that is not
    there, or two columns that answer to the same name.
    """
    columns = [str(column) for column in present]
    chosen = {_option(option, names, group): column for option, column in mapping.items()}
    for name, column in chosen.items():
        if column not in columns:
            raise ValueError(f"data.{group}.{name}={column}: no such column; the columns are {', '.join(columns)}")
    taken = set(chosen.values())
    for name, others in names.items():
        known = {_bare(other) for other in (name, *others)}
        matches = [column for column in columns if _bare(column) in known and column not in taken]
        if name in chosen or not matches:
            continue
        if len(matches) > 1:
            raise ValueError(
                f"columns {' and '.join(matches)} could all be {name}; choose one with data.{group}.{name}={matches[0]}"
            )
        chosen[name] = matches[0]
    return chosen


def renamed(frame: pd.DataFrame, chosen: Mapping[str, str]) -> pd.DataFrame:
    """The frame under our names where a column was chosen, under its own where not.

    A column that bears one of our names without being chosen gives way as `NAME_original`.
    """
    ours = {column: name for name, column in chosen.items()}
    reserved = {*EVENT_NAMES, *ITEM_NAMES, *chosen, "ts_ms"}
    names = [ours.get(name, f"{name}_original" if name in reserved else name) for name in map(str, frame.columns)]
    return frame.set_axis(names, axis=1)


def _option(option: str, names: Mapping[str, tuple[str, ...]], group: str) -> str:
    name = "timestamp" if option == "ts_ms" and "timestamp" in names else option
    if name not in names:
        raise ValueError(f"data.{group}.{option}: no such column is known; choose from {', '.join(names)}")
    return name


def _bare(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "").replace("-", "")
