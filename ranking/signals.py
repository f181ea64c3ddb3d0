"""What everybody does now, learnt event by event: the live half of what the ranker sees.

Shapes: R item rows, C context columns.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ranking.exposure import Exposure
from ranking.growing import grown
from ranking.live_transitions import LiveTransitions
from ranking.segments import Segments
from ranking.velocity import Velocity
from ranking.watch_details import WatchDetails
from towers.history import History

HALF_LIVES_S: Final = (600.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0, math.inf)
FAST, HOUR, SLOW, DAY, WEEK, EVER = range(6)
"""Places of the half-lives."""
FILE: Final = "signals.npz"


class LiveSignals:
    """Counts by speed and segment, what follows what, when items first came, what was shown, what happened within
    plays; one writer at a time.
    """

    @dataclass(frozen=True)
    class Config:
        """Half-lives of the segments' counts and of the transitions, where the data has a clock; `transition_window`
        events before one count for it, if no more than `transition_max_gap_s` before. Those of a session forget faster.
        """

        segment_half_life_s: float = 6 * 3_600.0
        transition_half_life_s: float = 86_400.0
        transition_window: int = 10
        transition_max_gap_s: float = 86_400.0
        session_half_life_s: float = 2 * 3_600.0
        session_window: int = 3
        session_max_gap_s: float = 1_800.0

    def __init__(self, config: Config, num_rows: int, context_sizes: Sequence[int], has_clock: bool) -> None:
        def fading(seconds: float) -> float:
            return seconds if has_clock else math.inf

        self.config = config
        self.velocity = Velocity(num_rows, [fading(seconds) for seconds in HALF_LIVES_S])
        self.segments = Segments(num_rows, context_sizes, fading(config.segment_half_life_s))
        self.transitions = LiveTransitions(
            fading(config.transition_half_life_s), config.transition_window, fading(config.transition_max_gap_s)
        )
        self.session_transitions = LiveTransitions(
            fading(config.session_half_life_s), config.session_window, fading(config.session_max_gap_s)
        )
        self.exposure = Exposure(num_rows)
        self.details = WatchDetails()
        self.newest_ms = 0
        self._first_ms = np.zeros(num_rows)
        self.num_appearances = 0

    def choose(self, user_id: str, row: int, ts_ms: int, codes: NDArray[np.int64], before: History) -> None:
        """A viewer chose an item in a moment with context codes [C], after the history `before`."""
        self.appear(row, ts_ms)
        self.velocity.add(row, ts_ms)
        self.segments.add(row, ts_ms, codes)
        self.follow(before.rows, before.ts_ms, row, ts_ms)
        self.exposure.choose(user_id, row, ts_ms)

    def follow(self, before: NDArray[np.int64], before_ts_ms: NDArray[np.int64], row: int, ts_ms: int) -> None:
        """An item was chosen after the rows `before`, oldest first."""
        self.transitions.add(before, before_ts_ms, row, ts_ms)
        self.session_transitions.add(before, before_ts_ms, row, ts_ms)

    def show(self, user_id: str, row: int, ts_ms: int) -> None:
        """A viewer was shown an item."""
        self.move_to(ts_ms)
        self.exposure.show(user_id, row, ts_ms)

    def forget(self, user_id: str, row: int | None = None) -> None:
        """What was shown to the viewer and happened within plays is no more; of one item, or of all."""
        self.exposure.forget(user_id, row)
        self.details.forget(user_id, row)

    def appear(self, row: int, ts_ms: int) -> None:
        """An item was there at a moment."""
        self.move_to(ts_ms)
        self._first_ms = grown(self._first_ms, row + 1)
        if self._first_ms[row] == 0 or ts_ms < self._first_ms[row]:
            self._first_ms[row] = ts_ms
            self.num_appearances += 1

    def move_to(self, ts_ms: int) -> None:
        """Events are known up to a moment."""
        self.newest_ms = max(self.newest_ms, ts_ms)

    def first_ms(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """When each row was first seen, 0 where it never was."""
        inside = np.minimum(rows, len(self._first_ms) - 1)
        return np.where(rows < len(self._first_ms), self._first_ms[inside], 0.0)

    def newest(self) -> NDArray[np.float64]:
        """When every row was first seen; the array may be longer than the rows in use."""
        return self._first_ms

    def count_first(self, first_ms: NDArray[np.float64]) -> None:
        """Times at which the rows [R] were first seen, 0 for never."""
        self._first_ms = grown(self._first_ms, len(first_ms))
        self._first_ms[: len(first_ms)] = first_ms
        self.num_appearances += 1

    def save(self, path: Path) -> None:
        """Write one npz file."""
        arrays: dict[str, Any] = {
            f"{part}.{key}": value for part, each in self._parts().items() for key, value in each.state().items()
        }
        arrays |= {"first_ms": self._first_ms, "newest_ms": self.newest_ms, "viewers": self.exposure.viewers()}
        arrays |= {"details": self.details.state(), "detail_viewers": self.details.viewers()}
        arrays["config"] = json.dumps(asdict(self.config))
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path, context_sizes: Sequence[int], has_clock: bool) -> LiveSignals:
        """Go on from what `save` wrote; a ValueError where it does not fit."""
        with np.load(path, allow_pickle=False) as arrays:
            config = cls.Config(**json.loads(str(arrays["config"])))
            signals = cls(config, arrays["velocity.weights"].shape[1], context_sizes, has_clock)
            for part, each in signals._parts().items():
                own = f"{part}."
                state = {key.removeprefix(own): arrays[key] for key in arrays.files if key.startswith(own)}
                if isinstance(each, Exposure):
                    each.restore(state, arrays["viewers"])
                else:
                    each.restore(state)
            if "details" in arrays.files:
                signals.details.restore(arrays["details"], arrays["detail_viewers"].tolist())
            signals._first_ms = arrays["first_ms"].copy()
            signals.newest_ms = int(arrays["newest_ms"]) if "newest_ms" in arrays.files else 0
        return signals

    def _parts(self) -> dict[str, Velocity | Segments | LiveTransitions | Exposure]:
        return {
            "velocity": self.velocity,
            "segments": self.segments,
            "transitions": self.transitions,
            "session_transitions": self.session_transitions,
            "exposure": self.exposure,
        }
