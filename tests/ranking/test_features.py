"""What the ranker sees: finite for every history, by definition, and the same after saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.topk import Candidates
from ranking.features import NAMES, CandidateFeatures, Moment
from ranking.transitions import TransitionTable
from towers.history import EMPTY_HISTORY, History

NUM_ROWS, DIM = 9, 4


@pytest.fixture
def features() -> CandidateFeatures:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(NUM_ROWS, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    offsets = np.array([0, 0, 0, 2, 3, 3, 3, 3, 3, 3])
    table = TransitionTable(offsets, np.array([3, 4, 5]), np.array([0.5, 0.25, 1.0], dtype=np.float32))
    return CandidateFeatures(vectors, table, np.full(NUM_ROWS, 1 / NUM_ROWS), np.zeros(NUM_ROWS, dtype=np.int64))


def moment(history: History) -> Moment:
    return Moment(history, 5_000_000, np.zeros(2, dtype=np.int64), np.zeros(NUM_ROWS))


def candidates(*rows: int) -> Candidates:
    scores = np.linspace(0.9, 0.1, len(rows)).astype(np.float32)
    return Candidates(np.array(rows, dtype=np.int64), scores, np.zeros(len(rows), dtype=np.int8))


def column(found: np.ndarray, name: str) -> list[float]:
    return [float(value) for value in found[:, NAMES.index(name)]]


def test_features_follow_their_definitions(features: CandidateFeatures) -> None:
    history = History.of(np.array([4, 2]), np.array([1_000_000, 4_000_000]))
    found = features(moment(history), candidates(3, 4, 8))
    assert found.shape == (3, len(NAMES))
    assert column(found, "retrieval_score") == pytest.approx([0.9, 0.5, 0.1])
    assert column(found, "transition_log") == pytest.approx(np.log1p([50, 25, 0]))
    assert column(found, "transition_share") == pytest.approx([1, 0.5, 0])
    similar = features.item_vectors[[3, 4, 8]] @ features.item_vectors[2]
    assert column(found, "similarity_to_last") == pytest.approx(similar.tolist(), abs=1e-6)
    assert column(found, "idle_log") == pytest.approx([np.log1p(1000)] * 3)


@pytest.mark.parametrize("history", [EMPTY_HISTORY, History.of(np.array([2]), np.array([9_000_000]))])
def test_features_are_finite_without_history_or_candidates(features: CandidateFeatures, history: History) -> None:
    assert np.isfinite(features(moment(history), candidates(2, 7))).all()
    assert features(moment(history), candidates()).shape == (0, len(NAMES))


def test_saved_features_are_the_same(features: CandidateFeatures, tmp_path: Path) -> None:
    np.save(tmp_path / "item_vectors.npy", features.item_vectors)
    features.save(tmp_path)
    given = moment(History.of(np.array([2, 3]), np.array([0, 1])))
    again = CandidateFeatures.load(tmp_path)
    np.testing.assert_array_equal(again(given, candidates(3, 5)), features(given, candidates(3, 5)))


def test_a_candidate_is_seen_alike_in_any_company(features: CandidateFeatures) -> None:
    given = moment(History.of(np.array([2, 3]), np.array([0, 1])))
    alone, together = features(given, candidates(3))[0], features(given, candidates(3, 8, 5))[0]
    np.testing.assert_allclose(alone, together, rtol=1e-6)
