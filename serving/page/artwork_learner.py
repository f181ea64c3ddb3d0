"""Teaches the artwork bandit what viewers did after seeing an image; an impression and a play need not be joined."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ranking.artwork import ArtworkBandit, features_of
from serving.events import Event, watched_share
from serving.page.imagery import Imagery
from serving.page.previews import ARMS
from serving.page.variants import image_of, is_late, plays_preview
from serving.state import LiveState
from towers.schema import EventType
from towers.vocabulary import NUM_RESERVED

MOST_PENDING: Final = 50_000
ENDS: Final = frozenset({EventType.STOP, EventType.COMPLETE})


class ArtworkLearner:
    """Hears of every event; `counts_clicks` rewards the play alone, which lets bait win: for experiments."""

    def __init__(self, bandit: ArtworkBandit, imagery: Imagery, state: LiveState, counts_clicks: bool = False) -> None:
        self._bandit = bandit
        self._imagery = imagery
        self._state = state
        self._counts_clicks = counts_clicks
        self._pending: dict[tuple[str, str], tuple[int, int, NDArray[np.float64]]] = {}

    def observe(self, event: Event) -> None:
        """An impression or a play of an image; the watched share may follow with the end of the play."""
        if event.event in ENDS:
            self._end(event)
        elif event.variant_id is not None and event.event in {EventType.IMPRESSION, EventType.PLAY}:
            row = int(self._state.items.rows([event.item_id])[0])
            image = image_of(str(event.variant_id))
            if NUM_RESERVED <= row < len(self._imagery.num_images) and 0 <= image < self._imagery.num_images[row]:
                self._learn(event, row, *self._arm(event, row, image))

    def forget(self, user_id: str) -> None:
        """Nothing that began is waited for any more."""
        for key in [key for key in self._pending if key[0] == user_id]:
            del self._pending[key]

    def _arm(self, event: Event, row: int, image: int) -> tuple[int, NDArray[np.float64]]:
        """Number and features of what was seen of a title."""
        taste = self._imagery.taste(self._state.history(event.user_id))
        return image, _features(event, np.asarray(self._imagery.fit(np.array([row]), taste)[0, image]))

    def _learn(self, event: Event, row: int, image: int, features: NDArray[np.float64]) -> None:
        if event.event == EventType.IMPRESSION:
            self._bandit.show(row, image, features)
            return
        share = watched_share(event)
        if np.isfinite(share):
            self._play(row, image, features, share)
        else:
            if len(self._pending) >= MOST_PENDING:
                self._pending.pop(next(iter(self._pending)))
            self._pending[event.user_id, event.item_id] = (row, image, features)

    def _end(self, event: Event) -> None:
        begun = self._pending.pop((event.user_id, event.item_id), None)
        share = watched_share(event)
        if begun is not None and np.isfinite(share):
            self._play(*begun, share)

    def _play(self, row: int, image: int, features: NDArray[np.float64], share: float) -> None:
        share = min(share, 1.0)
        self._bandit.play(row, image, features, share, 1.0 if self._counts_clicks else share)


class PreviewLearner(ArtworkLearner):
    """The same of previews: still or moving."""

    def _arm(self, event: Event, row: int, image: int) -> tuple[int, NDArray[np.float64]]:
        arm = int(plays_preview(str(event.variant_id)))
        return arm, _features(event, np.asarray(ARMS[arm]))


def _features(event: Event, fit: NDArray[np.float64]) -> NDArray[np.float64]:
    device = event.device or (event.context or {}).get("device")
    return features_of(fit, device == "phone", is_late(event.ts_ms, event.tz_offset_min))
