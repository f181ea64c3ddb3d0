"""A log of clustered tastes with as many items as wanted, to train bundles of any size: synthetic_log.py ITEMS FOLDER.

Every item occurs; a viewer keeps to a few clusters of neighbouring items.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

EVENTS_A_VIEWER, NUM_CLUSTERS, START_MS, STEP_MS = 220, 300, 1_700_000_000_000, 600_000


def synthetic_log(num_items: int, num_viewers: int, seed: int = 0) -> pd.DataFrame:
    """Events in time order; the first cover the catalogue."""
    rng = np.random.default_rng(seed)
    size = max(num_items // NUM_CLUSTERS, 1)
    clusters = rng.integers(NUM_CLUSTERS, size=(num_viewers, 4))
    chosen = clusters[:, rng.integers(4, size=EVENTS_A_VIEWER)]
    items = (chosen * size + rng.integers(size, size=chosen.shape)) % num_items
    viewers = np.repeat(np.arange(num_viewers), EVENTS_A_VIEWER)
    ts_ms = START_MS + rng.integers(EVENTS_A_VIEWER * STEP_MS, size=len(viewers))
    cover = pd.DataFrame(
        {
            "user_id": rng.integers(num_viewers, size=num_items),
            "item_id": np.arange(num_items),
            "timestamp": START_MS / 1000 - 1,
        }
    )
    events = pd.DataFrame({"user_id": viewers, "item_id": items.ravel(), "timestamp": ts_ms / 1000})
    events = pd.concat([cover, events]).sort_values("timestamp", kind="stable")
    return events.assign(
        user_id="viewer-" + events.user_id.astype(str), item_id="item-" + events.item_id.astype(str)
    ).reset_index(drop=True)


if __name__ == "__main__":
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    synthetic_log(int(sys.argv[1]), 1500).to_parquet(out / "events.parquet")
