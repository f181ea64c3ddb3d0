"""A request's time: each stage asks whether it still fits, by what it lately took."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Final

from serving.pipeline import StageReport

NEWEST_WEIGHT: Final = 0.1
HOPE: Final = 0.98
"""A stage that was left out counts as this much cheaper the next time, so that one slow hour is not for ever."""


class Costs:
    """Moving averages of the stages' times in seconds; 0 for one not seen yet."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def observe(self, stages: Iterable[StageReport]) -> None:
        """Take in what one request took."""
        for stage in stages:
            before = self._seconds.get(stage.name)
            now = stage.ms / 1000
            self._seconds[stage.name] = now if before is None else before + NEWEST_WEIGHT * (now - before)

    def of(self, stage: str) -> float:
        """Expected seconds of a stage."""
        return self._seconds.get(stage, 0.0)

    def left_out(self, stage: str) -> None:
        """The stage did not fit."""
        if stage in self._seconds:
            self._seconds[stage] *= HOPE


class Deadline:
    """The moment `at_s` of the clock by which the answer must be made."""

    def __init__(self, at_s: float, costs: Costs | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._at_s = at_s
        self._costs = costs or Costs()
        self._clock = clock

    @property
    def remaining_s(self) -> float:
        """Negative once it has passed."""
        return self._at_s - self._clock()

    def allows(self, stage: str) -> bool:
        """Whether the stage can be expected to end in time."""
        if self._at_s == math.inf or self._costs.of(stage) <= self.remaining_s:
            return True
        self._costs.left_out(stage)
        return False


ENDLESS: Final = Deadline(math.inf)
