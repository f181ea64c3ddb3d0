"""The tables that serving reads order items as the counting models they are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ranking.transitions import EASE_FILE, FILE, ITEM_KNN_FILE, TransitionTable
from towers.history import Histories
from training.evaluation.baselines.ease import EASE
from training.evaluation.baselines.item_knn import ItemKNN
from training.item_tables import ItemTablesConfig, item_tables, strongest

NUM_ROWS, NUM_VIEWERS = 42, 60


def histories() -> Histories:
    """Viewers who stay within one of two halves of the catalogue."""
    rng = np.random.default_rng(0)
    rows = [2 + 20 * (viewer % 2) + rng.permutation(20)[:8] for viewer in range(NUM_VIEWERS)]
    times = np.tile(np.arange(8), NUM_VIEWERS)
    offsets = np.arange(0, 8 * NUM_VIEWERS + 1, 8)
    empty = np.zeros(8 * NUM_VIEWERS, dtype=np.int8)
    return Histories(offsets, np.concatenate(rows), times, empty, empty)


def loaded(folder: Path, config: ItemTablesConfig) -> dict[str, TransitionTable]:
    files = item_tables(histories(), NUM_ROWS, config)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {name: TransitionTable.load(folder / name) for name in files}


def test_whole_tables_hold_the_weights_of_their_models(tmp_path: Path) -> None:
    tables = loaded(tmp_path, ItemTablesConfig(num_neighbours=NUM_ROWS, ease_penalty=10.0))
    weights = EASE(EASE.Config(penalty=10.0)).fit(histories(), NUM_ROWS).weights
    similar = ItemKNN(ItemKNN.Config(num_neighbours=NUM_ROWS)).fit(histories(), NUM_ROWS).similarity.toarray()
    for row in (2, 23):
        asked = np.array([row])
        assert tables[EASE_FILE].all_scores(asked) == pytest.approx(np.maximum(weights[row], 0), abs=1e-6)
        assert tables[ITEM_KNN_FILE].all_scores(asked) == pytest.approx(similar[row], abs=1e-6)


def test_both_tables_stay_within_what_viewers_choose_together(tmp_path: Path) -> None:
    tables = loaded(tmp_path, ItemTablesConfig(num_neighbours=5, ease_penalty=10.0))
    for name in (ITEM_KNN_FILE, EASE_FILE):
        found = tables[name].all_scores(np.array([3, 4, 5]))
        assert found[2:22].max() > 0 == found[22:].max()


def test_the_strongest_positive_weights_of_each_row_are_kept() -> None:
    weights = np.array([[0, 3, -1, 2], [0, 0, 0, 0], [1, 2, 0, 4], [-1, -2, -3, 0]], dtype=np.float32)
    table = strongest(weights, 2, window=7)
    assert table.offsets.tolist() == [0, 2, 2, 4, 4]
    assert table.items.tolist() == [1, 3, 1, 3]
    assert table.weights.tolist() == [3, 2, 2, 4]
    assert table.window == 7


def test_no_neighbours_and_too_many_items_make_fewer_tables() -> None:
    assert set(item_tables(histories(), NUM_ROWS, ItemTablesConfig())) == {FILE}
    few = ItemTablesConfig(num_neighbours=5, ease_max_items=9)
    assert set(item_tables(histories(), NUM_ROWS, few)) == {FILE, ITEM_KNN_FILE}
