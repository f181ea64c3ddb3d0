"""Small behaviour logs whose right answers are known by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd

START_S = 1_600_000_000
DAY_S = 86_400


def cycle_events(num_viewers: int = 60, num_items: int = 24, length: int = 14, seed: int = 0) -> pd.DataFrame:
    """Every viewer goes round the items in the same order from a random start, one a day: i is followed by i + 1."""
    rng = np.random.default_rng(seed)
    parts = []
    for viewer in range(num_viewers):
        begin = int(rng.integers(num_items))
        items = (begin + np.arange(length)) % num_items
        times = START_S + int(rng.integers(30)) * DAY_S + np.arange(length) * DAY_S
        part = {"user_id": f"u{viewer}", "item_id": [f"i{item}" for item in items], "timestamp": times}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def catalogue(num_items: int = 24) -> pd.DataFrame:
    """Titles, genres and a line of text for the items of `cycle_events`."""
    genres = ["Comedy", "Drama", "Horror"]
    return pd.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(num_items)],
            "title": [f"Title {item}" for item in range(num_items)],
            "genres": [f"{genres[item % 3]}|{genres[(item + 1) % 3]}" for item in range(num_items)],
            "plot": [f"word{item % 4} and word{item % 5}" for item in range(num_items)],
        }
    )


def slate_events(num_viewers: int = 60, num_requests: int = 25, seed: int = 0) -> pd.DataFrame:
    """Viewers see five of 20 items at a time: half of them take odd items, half even ones, half of those they see.

    i0 and i1 stand in every second slate and are taken once in ten times, so they are played as often as others and
    liked least.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for viewer in range(num_viewers):
        for number in range(num_requests):
            crowd = rng.choice(2, size=1) if number % 2 else rng.choice(np.arange(2, 20), size=1)
            rest = rng.choice(np.setdiff1d(np.arange(2, 20), crowd), size=4, replace=False)
            shown = rng.permutation(np.concatenate([crowd, rest]))
            start = START_S + number * DAY_S + viewer
            who = {"user_id": f"u{viewer}", "request_id": f"r{viewer}-{number}"}
            chance = np.where(shown < 2, 0.1, 0.5) * (shown % 2 == viewer % 2)
            taken = np.flatnonzero(rng.random(5) < chance)
            stop = int(taken[0]) + 1 if len(taken) else 5
            for place, item in enumerate(shown[:stop]):
                seen = {"item_id": f"i{item}", "event": "impression", "timestamp": start + place}
                rows.append(who | seen | {"row_pos": 0, "col_pos": place})
            if len(taken):
                play = {"event": "play", "timestamp": start + 10, "watch_s": 900.0, "duration_s": 1800.0}
                rows.append(who | {"item_id": f"i{shown[taken[0]]}"} | play)
    return pd.DataFrame(rows)
