"""The ranker in ONNX Runtime: features of the candidates -> logits of several actions -> one value each.

Shapes: K candidates, F features, A actions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from index.topk import Candidates
from ranking.features import CandidateFeatures, Moment
from ranking.value import ValueModel
from serving.manifest import BundleError
from serving.pipeline import Request
from serving.session import open_session
from towers.history import History
from towers.vocabulary import UNKNOWN


class RankerCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`ranker.json`: names of the features in order, and the value weight of each action in the order of the logits."""

    features: tuple[str, ...]
    weights: dict[str, float]

    @classmethod
    def load(cls, folder: Path, features: tuple[str, ...]) -> RankerCard:
        """Read `ranker.json`; a BundleError when it is unreadable or the ranker was trained on other `features`."""
        path = folder / "ranker.json"
        try:
            card = msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise BundleError(f"{path} cannot be used ({error}); publish again") from error
        if card.features != features:
            raise BundleError(f"{path} names other features than this version computes; train and publish again")
        return card


class ActionModel(Protocol):
    """Predicts what the viewer would do with each candidate."""

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [K, A] of features [K, F]."""
        ...


class OnnxActionModel:
    """`ranker.onnx`."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, path: Path, num_threads: int = 1) -> OnnxActionModel:
        """Read `ranker.onnx`."""
        return cls(open_session(path, num_threads))

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [K, A] of features [K, F]."""
        (logits,) = self._session.run(["logits"], {"features": features})
        return np.asarray(logits, dtype=np.float32)


class RankerScorer:
    """Scorer of the pipeline: candidates never influence each other's score."""

    def __init__(self, features: CandidateFeatures, model: ActionModel, value: ValueModel) -> None:
        self._features = features
        self._model = model
        self._value = value

    def score(self, request: Request, candidates: Candidates) -> NDArray[np.float64]:
        """Value [K] of each candidate; whoever calls checks that they are finite."""
        history = request.history
        known = history.rows < self._features.num_rows
        moment = Moment(
            History._make(array[known] for array in history), request.ts_ms, request.context, request.popularity
        )
        rows = np.where(candidates.rows < self._features.num_rows, candidates.rows, UNKNOWN)
        return self._value.score(self._model.logits(self._features(moment, candidates._replace(rows=rows))))
