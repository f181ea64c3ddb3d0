"""What slates teach: how likely a viewer takes a title that is seen, learned from titles seen and passed over.

Plays alone tell what was shown as much as what was liked; logged impressions tell them apart. numpy alone.
Shapes: K candidates, R item rows, D embedding, L history, H kinds of viewers, C context columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from towers.history import History

FILE: Final = "slate_model.npz"
WATCH_FILE: Final = "watch_model.npz"
"""The same of how much viewers watch of what they take."""

PRIOR_EVENTS: Final = 3
"""Events that a history is thought to begin with, so that few of them do not say much."""

SHARPNESS: Final = 4.0
"""How much a history that is nearer to a kind belongs to it."""


@dataclass(frozen=True, eq=False)
class SlateModel:
    """log odds = viewer . item + item's bias, the viewer being the weighted mean of the history, moved towards the
    kinds of viewers that have such histories, and by the moment.

    items: float32 [R, D]; bias: float32 [R]. By action code and by share bucket: weight of an event (action_weight,
    share_weight) and what it adds to its item (action_token, share_token [., D]). kinds: float32 [D + 1, H] and
    kinds_bias [H] tell the kinds apart, centres: float32 [H, D] and centres_bias [D] say where they lie. context:
    float32 [codes of all columns, D];
    context_offsets: int64 [C], where a column's codes begin.
    """

    items: NDArray[np.float32]
    bias: NDArray[np.float32]
    action_weight: NDArray[np.float32]
    share_weight: NDArray[np.float32]
    action_token: NDArray[np.float32]
    share_token: NDArray[np.float32]
    kinds: NDArray[np.float32]
    kinds_bias: NDArray[np.float32]
    centres: NDArray[np.float32]
    centres_bias: NDArray[np.float32]
    context: NDArray[np.float32]
    context_offsets: NDArray[np.int64]
    max_length: int

    def scores(self, history: History, context: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log odds [K] that the rows are taken if seen; a row that training did not know is of the average kind."""
        is_known = rows < len(self.items)
        known = np.where(is_known, rows, 0)
        odds: NDArray[np.float32] = self.items[known] @ self.viewer(history, context) + self.bias[known]
        return odds

    def viewer(self, history: History, context: NDArray[np.int64]) -> NDArray[np.float32]:
        """The viewer at the moment [D] after a history [L], newest last; context: codes [C]."""
        is_known = history.rows < len(self.items)
        kept = History._make(array[is_known] for array in history).last(self.max_length)
        weight = self.action_weight[kept.actions] + self.share_weight[kept.shares]
        tokens = self.items[kept.rows] + self.action_token[kept.actions] + self.share_token[kept.shares]
        taste = (weight @ tokens / np.float32(len(weight) + PRIOR_EVENTS)).astype(np.float32)
        read = np.append(taste, np.float32(log_length(len(weight)))) @ self.kinds + self.kinds_bias
        moment = self.context[context + self.context_offsets].sum(axis=0)
        kinds = _shares(SHARPNESS * read)
        return np.asarray(taste + kinds @ self.centres + self.centres_bias + moment, dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write one npz file."""
        with path.open("wb") as file:
            arrays: dict[str, Any] = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> SlateModel:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as parts:
            arrays = {name: parts[name] for name in parts.files}
        return cls(max_length=int(arrays.pop("max_length")), **arrays)


def log_length(length: int) -> float:
    """How the length of a history tells kinds apart."""
    return float(np.log1p(length)) / 4


def _shares(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax [H] of values [H]."""
    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum(), dtype=np.float32)
