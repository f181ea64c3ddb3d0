"""The value model: one visible weighted sum of predicted actions makes a candidate's score.

Shapes: K candidates, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Calibration(NamedTuple):
    """p = 1 / (1 + exp(-(slope * logit + shift))) (Platt, Probabilistic outputs for support vector machines, 1999)."""

    slope: float = 1.0
    shift: float = 0.0


@dataclass(frozen=True)
class ValueModel:
    """Weight of each action in the order of the logits, negative where the action is unwelcome."""

    weights: Mapping[str, float]
    calibration: Mapping[str, Calibration] = field(default_factory=dict)

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability [K, A] of each action; a ValueError where there is not one logit an action."""
        if logits.shape[1] != len(self.weights):
            raise ValueError(
                f"{logits.shape[1]} actions were predicted, {len(self.weights)} have a weight; give one each"
            )
        lines = [self.calibration.get(action, Calibration()) for action in self.weights]
        slopes, shifts = (np.array(each, dtype=np.float64) for each in zip(*lines, strict=True))
        return np.asarray(1 / (1 + np.exp(-np.clip(logits * slopes + shifts, -60, 60))))

    def score(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score [K] of logits [K, A]; with a single action its logit orders the candidates as they are.

        Non-finite scores become minus infinity, so that they rank last.
        """
        probabilities = self.probabilities(logits)
        values = np.array(list(self.weights.values()), dtype=np.float64)
        scores = logits[:, 0].astype(np.float64) if len(values) == 1 else probabilities @ values
        return np.where(np.isfinite(scores) & np.isfinite(logits).all(axis=1), scores, -np.inf)
