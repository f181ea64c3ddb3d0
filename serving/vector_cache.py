"""User vectors that are still right: nothing new was seen of the viewer, the moment is alike, and they are young.

Shapes: D embedding, C context columns.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from towers.history import History


class CachedVector(NamedTuple):
    """seen: digest of the history and the context codes."""

    seen: tuple[int, int, bytes]
    ts_ms: int
    vector: NDArray[np.float32]


class VectorCache:
    """The newest vector of each viewer; one writer at a time."""

    @dataclass(frozen=True)
    class Config:
        """At most `num_viewers` vectors are kept; one older than `max_age_s` is made anew, since ages are features."""

        num_viewers: int = 20_000
        max_age_s: float = 600.0

    def __init__(self, config: Config) -> None:
        self._config = config
        self._vectors: OrderedDict[str, CachedVector] = OrderedDict()

    def get(self, user_id: str, history: History, context: NDArray[np.int64], ts_ms: int) -> NDArray[np.float32] | None:
        """The viewer's vector when it is still right."""
        found = self._vectors.get(user_id)
        if found is None or found.seen != _seen(history, context):
            return None
        return found.vector if 0 <= ts_ms - found.ts_ms <= 1000 * self._config.max_age_s else None

    def any_of(self, user_id: str) -> NDArray[np.float32] | None:
        """The viewer's newest vector, right or not: better than none."""
        found = self._vectors.get(user_id)
        return None if found is None else found.vector

    def put(
        self, user_id: str, history: History, context: NDArray[np.int64], ts_ms: int, vector: NDArray[np.float32]
    ) -> None:
        """Keep a vector."""
        self._vectors[user_id] = CachedVector(_seen(history, context), ts_ms, vector)
        self._vectors.move_to_end(user_id)
        if len(self._vectors) > self._config.num_viewers:
            self._vectors.popitem(last=False)


def _seen(history: History, context: NDArray[np.int64]) -> tuple[int, int, bytes]:
    events = hash((history.rows.tobytes(), history.ts_ms.tobytes()))
    return events, hash((history.actions.tobytes(), history.shares.tobytes())), context.tobytes()
