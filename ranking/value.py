"""The value model: one visible weighted sum of predicted actions makes a candidate's score.

Shapes: K candidates, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ValueModel:
    """Weight of each action, negative where the action is unwelcome."""

    weights: Mapping[str, float]

    def score(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score [K] of logits [K, A]; with a single action its logit orders the candidates as they are.

        Non-finite scores become minus infinity, so that they rank last.
        """
        weights = np.array(list(self.weights.values()), dtype=np.float64)
        if logits.shape[1] != len(weights):
            raise ValueError(f"{logits.shape[1]} actions were predicted, {len(weights)} have a weight; give one each")
        values = logits.astype(np.float64)
        scores = values[:, 0] if len(weights) == 1 else (1 / (1 + np.exp(-values))) @ weights
        return np.where(np.isfinite(scores), scores, -np.inf)
