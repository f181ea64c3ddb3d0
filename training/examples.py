"""What the ranking head learns from: candidates of real requests with what the viewer then did.

Shapes: Q requests, K candidates, U features of a request, F of a candidate, A actions, P features of a position.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ranking.features import RankerInput

T = TypeVar("T", bound=np.generic)


class RankerExamples(NamedTuple):
    """Zero behind each request's candidates. rows: int64 [Q, K].

    labels: float32 [Q, K, A] in [0, 1], NaN where the action could not be seen. The first action orders the list.
    position: float32 [Q, K, P] of what was shown, None where candidates were not shown. ts_ms: int64 [Q].
    """

    request: NDArray[np.float32]
    features: NDArray[np.float32]
    rows: NDArray[np.int64]
    num_candidates: NDArray[np.int64]
    labels: NDArray[np.float32]
    ts_ms: NDArray[np.int64]
    actions: tuple[str, ...]
    position: NDArray[np.float32] | None = None

    def take(self, part: NDArray[np.int64]) -> RankerExamples:
        """The requests at the given places."""
        arrays: dict[str, Any] = {
            name: array[part] for name, array in self._asdict().items() if isinstance(array, np.ndarray)
        }
        return self._replace(**arrays)

    @property
    def is_real(self) -> NDArray[np.bool_]:
        """Mask [Q, K] of the candidates."""
        return np.asarray(np.arange(self.features.shape[1]) < self.num_candidates[:, None])

    @property
    def has_choice(self) -> NDArray[np.bool_]:
        """Mask [Q] of the requests with a candidate that was chosen."""
        return np.asarray(np.nansum(self.labels[:, :, 0], axis=1) > 0)


def refuse_non_finite(examples: RankerExamples, candidate_names: Sequence[str], request_names: Sequence[str]) -> None:
    """A ValueError names the first feature that is no number anywhere: one such spoils the scaling of all requests."""
    is_finite = np.concatenate([np.isfinite(examples.features).all(axis=1), np.isfinite(examples.request)], axis=1)
    for name, requests in zip((*candidate_names, *request_names), is_finite.T, strict=True):
        if not requests.all():
            raise ValueError(
                f"feature {name!r} is not finite in {int((~requests).sum())} of {len(requests)} requests; "
                "leave its group out with ranker.features.without, and mend what it is made of"
            )


class SavedExamples(NamedTuple):
    """Examples with the names of their features and the item vectors [R, D] they were made with."""

    examples: RankerExamples
    candidate_names: tuple[str, ...]
    request_names: tuple[str, ...]
    item_vectors: NDArray[np.float32]
    scale: float

    def save(self, path: Path) -> None:
        """Write one npz file."""
        arrays: dict[str, Any] = {
            f"examples.{name}": np.asarray(value)
            for name, value in self.examples._asdict().items()
            if value is not None
        }
        arrays |= {name: np.asarray(value) for name, value in self._asdict().items() if name != "examples"}
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> SavedExamples:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            own = "examples."
            fields = {name.removeprefix(own): arrays[name] for name in arrays.files if name.startswith(own)}
            actions = tuple(fields.pop("actions").tolist())
            return cls(
                RankerExamples(actions=actions, **fields),
                tuple(arrays["candidate_names"].tolist()),
                tuple(arrays["request_names"].tolist()),
                arrays["item_vectors"],
                float(arrays["scale"]),
            )


class ExampleList:
    """Collects examples one request at a time."""

    def __init__(self, actions: tuple[str, ...]) -> None:
        self._actions = actions
        self._inputs: list[RankerInput] = []
        self._rows: list[NDArray[np.int64]] = []
        self._labels: list[NDArray[np.float32]] = []
        self._ts_ms: list[int] = []
        self._positions: list[NDArray[np.float32]] = []

    def add(
        self,
        given: RankerInput,
        rows: NDArray[np.int64],
        labels: NDArray[np.float32],
        ts_ms: int,
        position: NDArray[np.float32] | None = None,
    ) -> None:
        """One request with labels [K, A] of its candidates [K] and, where they were shown, positions [K, P]."""
        self._inputs.append(given)
        self._rows.append(rows)
        self._labels.append(labels)
        self._ts_ms.append(ts_ms)
        if position is not None:
            self._positions.append(position)

    def stacked(self) -> RankerExamples:
        """All requests as arrays."""
        width = max((len(rows) for rows in self._rows), default=0)
        return RankerExamples(
            request=np.stack([given.request for given in self._inputs]).astype(np.float32),
            features=_padded([given.candidates for given in self._inputs], width),
            rows=_padded(self._rows, width),
            num_candidates=np.array([len(rows) for rows in self._rows], dtype=np.int64),
            labels=_padded(self._labels, width),
            ts_ms=np.array(self._ts_ms, dtype=np.int64),
            actions=self._actions,
            position=_padded(self._positions, width) if self._positions else None,
        )


def _padded(arrays: list[NDArray[T]], width: int) -> NDArray[T]:
    """Arrays [K, ...] of several lengths as one [Q, width, ...], zero behind each."""
    padded = np.zeros((len(arrays), width, *arrays[0].shape[1:]), dtype=arrays[0].dtype)
    for q, array in enumerate(arrays):
        padded[q, : len(array)] = array
    return padded
