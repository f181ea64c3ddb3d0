from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ranking.transitions import TransitionTable


def table() -> TransitionTable:
    """Item 2 leads to 3 (weight 1) and 4 (weight .5), item 3 to 4 (weight 2), others to nothing."""
    return TransitionTable(
        offsets=np.array([0, 0, 0, 2, 3, 3]),
        items=np.array([3, 4, 4]),
        weights=np.array([1, 0.5, 2], dtype=np.float32),
    )


def test_newer_events_speak_louder() -> None:
    assert table().all_scores(np.array([2, 3])).tolist() == [0, 0, 0, 0.5, 2.25]
    assert table().all_scores(np.array([3, 2])).tolist() == [0, 0, 0, 1.0, 1.5]


def test_candidates_get_their_own_scores_in_their_own_order() -> None:
    scores = table().scores(np.array([2, 3]), np.array([4, 1, 3, 4]))
    assert scores.dtype == np.float32
    assert scores.tolist() == [2.25, 0, 0.5, 2.25]


def test_empty_and_unknown_histories_score_nothing() -> None:
    for history in ([], [0, 1], [4]):
        assert table().scores(np.array(history, dtype=np.int64), np.array([3, 4])).tolist() == [0, 0]


def test_events_beyond_the_window_are_forgotten() -> None:
    parts = table()
    short = TransitionTable(parts.offsets, parts.items, parts.weights, window=1)
    assert short.all_scores(np.array([3, 2])).tolist() == table().all_scores(np.array([2])).tolist()


def test_scores_equal_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, size=50)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    many = TransitionTable(offsets, rng.integers(2, 50, offsets[-1]), rng.random(offsets[-1]).astype(np.float32))
    history = rng.integers(2, 50, size=40)
    expected = np.zeros(50)
    for age, row in enumerate(history[::-1][:20]):
        for place in range(offsets[row], offsets[row + 1]):
            expected[many.items[place]] += many.weights[place] / (1 + age)
    assert many.all_scores(history) == pytest.approx(expected, rel=1e-5)


def test_a_saved_table_comes_back_whole(tmp_path: Path) -> None:
    table().save(tmp_path / "transitions.npz")
    loaded = TransitionTable.load(tmp_path / "transitions.npz")
    assert loaded.window == table().window
    history = np.array([2, 3])
    assert np.array_equal(loaded.all_scores(history), table().all_scores(history))


def test_a_table_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    parts = table()
    TransitionTable(parts.offsets, parts.items[:-1], parts.weights).save(tmp_path / "short.npz")
    with pytest.raises(ValueError, match=r"short\.npz is no transition table"):
        TransitionTable.load(tmp_path / "short.npz")


def test_serving_needs_numpy_alone() -> None:
    code = "import sys, ranking.transitions; print({'scipy', 'pandas', 'torch'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
