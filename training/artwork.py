"""What a log says of images and previews: their bandits as serving would have taught itself, in one go.

Shapes: E events, S of them that show or play a variant, R vocabulary rows, G genres.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit, features_of
from serving.page.imagery import Imagery, as_taste
from serving.page.previews import ARMS
from serving.page.variants import image_of, plays_preview
from towers.schema import TARGET_EVENTS, EventType
from towers.vocabulary import NUM_RESERVED, Vocabulary

MOST_EVENTS = 3_000_000


class Seen(NamedTuple):
    """Impressions and plays [S] of variants. tastes: [S, G]. share: watched of a play, NaN where unknown."""

    rows: NDArray[np.int64]
    images: NDArray[np.int64]
    moves: NDArray[np.bool_]
    tastes: NDArray[np.float64]
    is_phone: NDArray[np.bool_]
    is_late: NDArray[np.bool_]
    is_play: NDArray[np.bool_]
    share: NDArray[np.float64]


def seen_variants(events: pd.DataFrame, vocabulary: Vocabulary, imagery: Imagery) -> Seen | None:
    """What the log tells of variants; None where it names none."""
    if "variant_id" not in events or not events["variant_id"].notna().any() or len(events) > MOST_EVENTS:
        return None
    table = events.iloc[np.argsort(events["user_id"].to_numpy(), kind="stable")]
    rows = vocabulary.rows(table["item_id"].fillna("").tolist())
    codes, names = pd.factorize(table["variant_id"])
    images = np.array([*map(image_of, names.astype(str)), -1], dtype=np.int64)[codes]
    kinds = table["event"].to_numpy()
    known = (rows >= NUM_RESERVED) & (images >= 0)
    known &= images < imagery.num_images[np.where(known, rows, 0)]
    at = np.flatnonzero(known & np.isin(kinds, [str(EventType.IMPRESSION), str(EventType.PLAY)]))
    return Seen(
        rows[at],
        images[at],
        np.array([*map(plays_preview, names.astype(str)), False])[codes[at]],
        as_taste(_plays_before(table, rows, imagery)[at]),
        _is(table, "device", "phone")[at],
        _is_late(table)[at],
        kinds[at] == str(EventType.PLAY),
        _shares(table)[at],
    )


def fit_artwork(seen: Seen, imagery: Imagery) -> ArtworkBandit:
    """The bandit of images after all of it."""
    fit = imagery.fit_of(seen.rows, seen.images, seen.tastes)
    return _taught(ArtworkBandit.new(imagery.num_images), seen, seen.images, fit)


def fit_previews(seen: Seen, imagery: Imagery) -> ArtworkBandit | None:
    """The bandit of previews after all of it; None where none ever played."""
    if not seen.moves.any():
        return None
    arms = seen.moves.astype(np.int64)
    return _taught(ArtworkBandit.new(np.full(len(imagery.num_images), len(ARMS))), seen, arms, ARMS[arms])


def _taught(bandit: ArtworkBandit, seen: Seen, arms: NDArray[np.int64], fit: NDArray[np.float64]) -> ArtworkBandit:
    features = features_of(fit, seen.is_phone, seen.is_late)
    shown, played = ~seen.is_play, seen.is_play & np.isfinite(seen.share)
    share = seen.share[played]
    bandit.show(seen.rows[shown], arms[shown], features[shown])
    bandit.play(seen.rows[played], arms[played], features[played], share, share)
    return bandit


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
