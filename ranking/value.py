"""The value model: one visible weighted sum of predicted actions makes a candidate's score.

Shapes: K candidates, A actions, S steps of a calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

OF_SEEN: Final = frozenset({"not_interested"})
"""Actions that ask for no choice before them; the others are predicted of chosen items."""


@dataclass(frozen=True)
class ValueWeights:
    """What an item is worth that is chosen, and what is added if it then is liked, `take`n (70 % watched), completed,
    abandoned (less than 15 % watched), by the `watch` time's quantile among items of like duration, and by the watch
    `time` itself, of which two hours are 1; `not_interested` of an item that was shown. Actions that the data does not
    tell of do not count.
    """

    chosen: float = 1.0
    liked: float = 0.0
    take: float = 0.0
    complete: float = 0.0
    abandon: float = -1.25
    watch: float = 1.0
    time: float = 1.0
    not_interested: float = 0.0

    def of(self, actions: Sequence[str]) -> dict[str, float]:
        """Weight of each action."""
        known = asdict(self)
        return {action: known[action] for action in actions}


class Calibration(NamedTuple):
    """p = 1 / (1 + exp(-(slope * logit + shift))) (Platt, Probabilistic outputs for support vector machines, 1999), or
    where there are steps the straight lines between the points (logits, values) [S], both ascending.
    """

    slope: float = 1.0
    shift: float = 0.0
    logits: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each logit, any shape."""
        if self.logits:
            return np.asarray(np.interp(logits, self.logits, self.values))
        line = self.slope * logits.astype(np.float64) + self.shift
        return np.asarray(1 / (1 + np.exp(-np.clip(line, -60, 60))))


@dataclass(frozen=True)
class ValueModel:
    """Weight of each action in the order of the logits, negative where the action is unwelcome. The first action is the
    choice; those that can only follow it count as likely as the choice itself.
    """

    weights: Mapping[str, float]
    calibration: Mapping[str, Calibration] = field(default_factory=dict)

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability [K, A] of each action, mostly given the choice; a ValueError where there is not one logit an
        action.
        """
        if logits.shape[1] != len(self.weights):
            raise ValueError(
                f"{logits.shape[1]} actions were predicted, {len(self.weights)} have a weight; give one each"
            )
        each = [self.calibration.get(action, Calibration()) for action in self.weights]
        return np.stack([one.probabilities(logits[:, a]) for a, one in enumerate(each)], axis=1)

    def score(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score [K] of logits [K, A]: the expected sum of the weights of what happens if the item is shown; with a
        single action its logit orders the candidates as they are.

        Non-finite scores become minus infinity, so that they rank last.
        """
        happens = self.probabilities(logits)
        follows = [a for a, action in enumerate(self.weights) if a and action not in OF_SEEN]
        happens[:, follows] *= happens[:, :1]
        values = np.array(list(self.weights.values()), dtype=np.float64)
        scores = logits[:, 0].astype(np.float64) if len(values) == 1 else happens @ values
        return np.where(np.isfinite(scores) & np.isfinite(logits).all(axis=1), scores, -np.inf)
