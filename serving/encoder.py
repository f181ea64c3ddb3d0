"""The user tower in ONNX Runtime. Shapes: B batch, L history, R item rows, D embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from serving.session import open_session
from towers.history import HistoryBatch


class UserEncoder:
    """Encodes histories and moments as unit vectors; whoever calls checks that they are finite."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._inputs = {node.name for node in session.get_inputs()}

    @classmethod
    def load(cls, path: Path, num_threads: int = 1) -> UserEncoder:
        """Read `user_tower.onnx`."""
        return cls(open_session(path, num_threads))

    def encode(self, batch: HistoryBatch, item_tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors [B, D] of the viewers; `item_tokens` [R, D] holds the token of each row."""
        return self.encode_tokens(batch, item_tokens[batch.rows])

    def encode_tokens(self, batch: HistoryBatch, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors [B, D] of the viewers from the tokens [B, L, D] of their histories."""
        feeds: dict[str, NDArray[Any]] = {
            "tokens": tokens,
            "actions": batch.actions,
            "shares": batch.shares,
            "age_s": batch.age_s,
            "lengths": batch.lengths,
            "context": batch.context,
        }
        used = {name: array for name, array in feeds.items() if name in self._inputs}
        (vectors,) = self._session.run(["user"], used)
        return np.asarray(vectors, dtype=np.float32)
