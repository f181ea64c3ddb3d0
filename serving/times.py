"""Times of requests in the unit of the training data become whole milliseconds."""

from __future__ import annotations

import numpy as np

from serving.errors import RequestError

LARGEST_MS = 2**53
"""Times beyond it lose milliseconds in JSON."""


def to_ms(times: list[float] | list[int], ts_unit_ms: float, field: str) -> list[int]:
    """Times of the data's unit in whole milliseconds; a RequestError for one that no calendar holds."""
    ms = np.rint(np.asarray(times, dtype=np.float64) * ts_unit_ms)
    beyond = np.flatnonzero(~(np.abs(ms) <= LARGEST_MS))
    if len(beyond):
        message = f"{times[beyond[0]]} lies outside of time; one unit is {ts_unit_ms:g} ms in this model's data"
        raise RequestError(field, message)
    whole: list[int] = ms.astype(np.int64).tolist()
    return whole
