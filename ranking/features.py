"""What the ranker sees of a request and its candidates: one path for training and serving, numpy alone.

Shapes: K candidates, F features of a candidate, U of the request, S sources, D embedding, C context columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking import candidate_features, request_features
from ranking.moment import Moment

RANKS: Final = "ranks"
"""Group of the places that each source gave."""


class RankerInput(NamedTuple):
    """request: float32 [U]. candidates: float32 [K, F]. vectors: float32 [K, D], zero where there is none."""

    request: NDArray[np.float32]
    candidates: NDArray[np.float32]
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class FeatureConfig:
    """Groups of features that are left out, for ablations: see `ranking.candidate_features`, `request_features`."""

    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = {*candidate_features.GROUPS, *request_features.GROUPS, RANKS, request_features.CONTEXT}
        unknown = sorted(set(self.without) - known)
        if unknown:
            raise ValueError(f"no group of features is called {unknown[0]!r}; groups are {', '.join(sorted(known))}")


def new_groups(moment: Moment, known: Sequence[str]) -> tuple[str, ...]:
    """Groups of which a ranker that reads the features `known` has none."""
    nothing = np.empty(0, dtype=np.int64)
    columns = {name: group(moment, nothing) for name, group in candidate_features.GROUPS.items()}
    values = {name: group(moment) for name, group in request_features.GROUPS.items()}
    return tuple(name for name, named in {**columns, **values}.items() if named and not set(named) & set(known))


class Features:
    """Features of one kind of request: the same `config`, sources and context columns give the same names."""

    def __init__(
        self, config: FeatureConfig, sources: Sequence[str], columns: Sequence[str], sizes: Sequence[int]
    ) -> None:
        self.config = config
        self._sources = tuple(sources) if RANKS not in config.without else ()
        self._columns = tuple(columns)
        self._sizes = tuple(sizes) if request_features.CONTEXT not in config.without else ()

    def __call__(self, moment: Moment, rows: NDArray[np.int64], ranks: NDArray[np.int64]) -> RankerInput:
        """Features of candidates with the place [K, S] each source gave them; always finite.

        A candidate's features do not depend on the other candidates.
        """
        columns = self._candidate_columns(moment, rows)
        places = np.log1p(ranks[:, : len(self._sources)].T)
        candidates = np.array([*columns.values(), *places], dtype=np.float32)
        return RankerInput(self._request(moment), np.ascontiguousarray(candidates.T), moment.vectors(rows))

    def names(self, moment: Moment) -> tuple[str, ...]:
        """Names of the F features of a candidate, for any moment of this kind."""
        columns = self._candidate_columns(moment, np.empty(0, dtype=np.int64))
        return (*columns, *(f"rank_{source}" for source in self._sources))

    def request_names(self, moment: Moment) -> tuple[str, ...]:
        """Names of the U features of a request."""
        hot = request_features.context_names(self._sizes, self._columns) if self._sizes else ()
        return (*self._request_values(moment), *hot)

    def _candidate_columns(self, moment: Moment, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        columns: dict[str, NDArray[np.float64]] = {}
        for name, group in candidate_features.GROUPS.items():
            if name not in self.config.without:
                columns |= group(moment, rows)
        return columns

    def _request_values(self, moment: Moment) -> dict[str, float]:
        values: dict[str, float] = {}
        for name, group in request_features.GROUPS.items():
            if name not in self.config.without:
                values |= group(moment)
        return values

    def _request(self, moment: Moment) -> NDArray[np.float32]:
        values = np.array(list(self._request_values(moment).values()), dtype=np.float32)
        if not self._sizes:
            return values
        return np.concatenate([values, request_features.one_hot(moment.context, self._sizes)])
