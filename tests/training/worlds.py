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
