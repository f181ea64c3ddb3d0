"""Who is let in: requests wait only as long as their deadline allows, the others get a simpler answer at once."""

from __future__ import annotations

import math
from typing import Final

NEWEST_WEIGHT: Final = 0.05
MARGIN: Final = 0.8
"""Share of the deadline that waiting and working may be expected to take."""


class Admission:
    """Counts the requests that wait for or are worked on by `threads`; for the event loop's thread only."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._service_s = 0.0
        self.in_flight = 0

    def admits(self, budget_s: float) -> bool:
        """Whether a request that may take `budget_s` from now on can be expected to be answered in time."""
        if budget_s == math.inf or self.in_flight < self._threads:
            return True
        return (self.in_flight / self._threads + 1) * self._service_s <= MARGIN * budget_s

    def enter(self) -> None:
        """One more waits or is worked on."""
        self.in_flight += 1

    def leave(self, service_s: float) -> None:
        """One is done after `service_s` of work."""
        self.in_flight -= 1
        weight = NEWEST_WEIGHT if self._service_s else 1.0
        self._service_s += weight * (service_s - self._service_s)
