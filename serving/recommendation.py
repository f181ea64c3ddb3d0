"""The answer to one query. Shapes: K items."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from serving.pipeline import StageReport


class Step(StrEnum):
    """How far down the ladder an answer was made: what failed or took too long was left out."""

    FULL = "full"
    CACHED_VECTOR = "cached_vector"
    RETRIEVAL = "retrieval"
    POPULARITY = "popularity"
    STATIC = "static"


@dataclass(frozen=True)
class Recommendation:
    """The answer to one query: parallel tuples, best first.

    propensities: the chance of each item at its place given those above it, 1 where nothing was left to chance.
    `degraded` says that a model failed or time ran out and a simpler order took its place; `step` says which.
    """

    items: tuple[str, ...]
    scores: tuple[float, ...]
    reasons: tuple[str, ...]
    rows: NDArray[np.int64]
    propensities: tuple[float, ...]
    model_version: str
    degraded: bool
    stages: tuple[StageReport, ...]
    step: Step = Step.FULL


def lower(*steps: Step) -> Step:
    """The lowest of the steps."""
    return max(steps, key=list(Step).index)
