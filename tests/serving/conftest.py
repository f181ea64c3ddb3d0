"""Tiny bundles for the tests of serving."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray

from ranking.merge import Merged
from serving.assembly import assemble, fresh_state
from serving.bundle import Bundle
from serving.pipeline import Request
from serving.recommender import Recommender
from tests.bundles import START_MS, TinyConfig, publish_tiny

NOW_MS = START_MS + 100_000_000


@pytest.fixture(scope="session")
def tiny_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Out folder of a bundle with a ranker."""
    out = tmp_path_factory.mktemp("tiny")
    publish_tiny(out)
    return out


@pytest.fixture(scope="session")
def tiny_bundle(tiny_out: Path) -> Bundle:
    return Bundle.load(tiny_out)


@pytest.fixture
def recommender(tiny_bundle: Bundle) -> Recommender:
    """Fresh state, a clock that stands still."""
    return assemble(tiny_bundle, lambda: NOW_MS)


class FailingScorer:
    """A ranker with a bug."""

    counts: Mapping[str, int] = MappingProxyType({"towers": 10})

    def score(self, request: Request, merged: Merged) -> NDArray[np.float64]:
        candidates = merged.candidates
        return np.full(1, candidates.scores[len(candidates.rows) + request.ts_ms], dtype=np.float64)


@pytest.fixture
def failing(tiny_bundle: Bundle) -> Recommender:
    """A recommender that raises an IndexError on every query that is ranked."""
    return Recommender(tiny_bundle, fresh_state(tiny_bundle), lambda: NOW_MS, scorer=FailingScorer())


@pytest.fixture(scope="session")
def bundle_without_ranker(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("without-ranker")
    return Bundle.load(publish_tiny(out, TinyConfig(has_ranker=False)))
