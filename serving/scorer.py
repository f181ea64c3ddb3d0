"""The ranker in ONNX Runtime: features of the candidates -> logits of several actions -> one value each.

Shapes: K candidates, F features, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ranking.features import FeatureConfig, Features, RankerInput, new_groups
from ranking.merge import Merged
from ranking.moment import Moment
from ranking.value import Calibration, ValueModel
from serving.manifest import BundleError
from serving.pipeline import Request
from serving.session import open_session
from towers.features import FeatureSpec


class RankerCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`ranker.json`: names of the features in order, groups left out, candidates of each source, the value weight of
    each action in the order of the logits, and the line that makes each logit a probability.
    """

    candidates: tuple[str, ...]
    request: tuple[str, ...]
    without: tuple[str, ...]
    sources: dict[str, int]
    weights: dict[str, float]
    calibration: dict[str, Calibration]

    @classmethod
    def load(cls, folder: Path) -> RankerCard:
        """Read `ranker.json`; a BundleError when it is unreadable or of another version."""
        path = folder / "ranker.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise BundleError(f"{path} cannot be used ({error}); train and publish again") from error

    def features(self, spec: FeatureSpec, moment: Moment) -> Features:
        """The features the ranker was trained on, without groups that are newer than it; a ValueError when this version
        computes others.
        """
        newer = new_groups(moment, (*self.candidates, *self.request))
        features = make_features(FeatureConfig((*self.without, *newer)), tuple(self.sources), spec)
        if (features.names(moment), features.request_names(moment)) != (self.candidates, self.request):
            raise ValueError("it names other features than this version computes")
        return features


def make_features(config: FeatureConfig, sources: tuple[str, ...], spec: FeatureSpec) -> Features:
    """Features for a bundle's context columns."""
    return Features(config, sources, spec.columns, spec.context_sizes)


class ActionModel(Protocol):
    """Predicts what the viewer would do with each candidate."""

    def logits(self, given: RankerInput) -> NDArray[np.float32]:
        """Logits [K, A]."""
        ...


class OnnxActionModel:
    """`ranker.onnx`."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._inputs = {node.name for node in session.get_inputs()}

    @classmethod
    def load(cls, path: Path, num_threads: int = 1) -> OnnxActionModel:
        """Read `ranker.onnx`."""
        return cls(open_session(path, num_threads))

    def logits(self, given: RankerInput) -> NDArray[np.float32]:
        """Logits [K, A]."""
        used = {name: array for name, array in given._asdict().items() if name in self._inputs}
        (logits,) = self._session.run(["logits"], used)
        return np.asarray(logits, dtype=np.float32)


class RankerScorer:
    """Scorer of the pipeline: candidates never influence each other's score."""

    def __init__(self, features: Features, model: ActionModel, value: ValueModel, counts: Mapping[str, int]) -> None:
        self.features = features
        self.counts = counts
        self.value = value
        self._model = model

    def score(self, request: Request, merged: Merged) -> NDArray[np.float64]:
        """Value [K] of each candidate; whoever calls checks that they are finite."""
        return self.value.score(self.logits(request, merged))

    def probabilities(self, request: Request, merged: Merged) -> dict[str, NDArray[np.float64]]:
        """By action: how likely it is of each candidate [K], mostly given that it is chosen."""
        found = self.value.probabilities(self.logits(request, merged))
        return {action: found[:, a] for a, action in enumerate(self.value.weights)}

    def logits(self, request: Request, merged: Merged) -> NDArray[np.float32]:
        """Logits [K, A] of the actions."""
        return self._model.logits(self.features(request.moment, merged.candidates.rows, merged.ranks))
