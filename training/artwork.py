"""What a log says of images: the artwork bandit as serving would have taught itself, in one go.

Shapes: E events, R vocabulary rows, G genres.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit, features_of
from serving.page.imagery import Imagery, as_taste
from serving.page.variants import image_of
from towers.schema import TARGET_EVENTS, EventType
from towers.vocabulary import NUM_RESERVED, Vocabulary

MOST_EVENTS = 3_000_000


def fit_artwork(events: pd.DataFrame, vocabulary: Vocabulary, imagery: Imagery) -> ArtworkBandit | None:
    """The bandit after all impressions and plays of images; None where the log names no variants."""
    if "variant_id" not in events or not events["variant_id"].notna().any() or len(events) > MOST_EVENTS:
        return None
    bandit = ArtworkBandit.new(imagery.num_images)
    table = events.iloc[np.argsort(events["user_id"].to_numpy(), kind="stable")]
    rows = vocabulary.rows(table["item_id"].fillna("").tolist())
    images = _images(table["variant_id"])
    kinds = table["event"].to_numpy()
    known = (rows >= NUM_RESERVED) & (images >= 0)
    known &= images < imagery.num_images[np.where(known, rows, 0)]
    at = np.flatnonzero(known & np.isin(kinds, [str(EventType.IMPRESSION), str(EventType.PLAY)]))
    plays_by_genre = _plays_before(table, rows, imagery)[at]
    fit = imagery.fit_of(rows[at], images[at], as_taste(plays_by_genre))
    features = features_of(fit, _is(table, "device", "phone")[at], _is_late(table)[at])
    is_play, share = kinds[at] == str(EventType.PLAY), _shares(table)[at]
    shown, played = ~is_play, is_play & np.isfinite(share)
    bandit.show(rows[at][shown], images[at][shown], features[shown])
    bandit.play(rows[at][played], images[at][played], features[played], share[played], share[played])
    return bandit


def _images(variants: pd.Series[str]) -> NDArray[np.int64]:
    """Number of the image [E] in each variant's id; -1 where there is none."""
    codes, names = pd.factorize(variants)
    numbers = np.array([*map(image_of, names.astype(str)), -1], dtype=np.int64)
    return np.asarray(numbers[codes])


def _plays_before(table: pd.DataFrame, rows: NDArray[np.int64], imagery: Imagery) -> NDArray[np.float64]:
    """Plays of the viewer by genre [E, G] before each event of a table sorted by viewer and time."""
    chosen = np.isin(table["event"].to_numpy(), [str(event) for event in TARGET_EVENTS])
    own: NDArray[np.float64] = imagery.labels[rows] * chosen[:, None]
    before = np.asarray(np.cumsum(own, axis=0) - own, dtype=np.float64)
    users = table["user_id"].to_numpy()
    first = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
    counts = np.diff(np.r_[first, len(users)])
    before -= np.repeat(before[first], counts, axis=0)
    return np.asarray(before)


def _shares(table: pd.DataFrame) -> NDArray[np.float64]:
    if "watch_s" not in table or "duration_s" not in table:
        return np.full(len(table), np.nan)
    shares = (table["watch_s"] / table["duration_s"]).to_numpy(np.float64)
    return np.asarray(np.minimum(shares, 1.0))


def _is(table: pd.DataFrame, column: str, value: str) -> NDArray[np.bool_]:
    return (table[column] == value).to_numpy(np.bool_) if column in table else np.zeros(len(table), dtype=np.bool_)


def _is_late(table: pd.DataFrame) -> NDArray[np.bool_]:
    if "tz_offset" not in table:
        return np.zeros(len(table), dtype=np.bool_)
    offset = pd.to_numeric(table["tz_offset"], errors="coerce").fillna(0).to_numpy(np.int64)
    hour = (table["ts_ms"].to_numpy(np.int64) // 60_000 + offset) // 60 % 24
    return np.asarray((hour >= 22) | (hour < 5))
