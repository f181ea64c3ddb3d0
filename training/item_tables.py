"""Fits the tables of which items speak for which, beside the towers: for sources and features of the ranker.

Shapes: R vocabulary rows, N kept of each row.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranking.transitions import EASE_FILE, FILE, ITEM_KNN_FILE, TransitionTable
from towers.history import Histories
from training.bundle_files import files_of
from training.evaluation.baselines.ease import EASE
from training.evaluation.baselines.item_knn import ItemKNN
from training.evaluation.baselines.sequential_rules import TransitionConfig, fit_transitions

ROWS_AT_ONCE = 512

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ItemTablesConfig:
    """`transitions` says what follows what. `num_neighbours` are kept of each item in the tables of item neighbours and
    of EASE, 0: no such tables; `window` newest events of a history speak through them. EASE is left out beyond
    `ease_max_items`, since its memory grows with the square of the catalogue and its time with the cube.
    """

    transitions: TransitionConfig = field(default_factory=TransitionConfig)
    num_neighbours: int = 0
    window: int = 50
    ease_penalty: float = 1000.0
    ease_max_items: int = 10_000


def item_tables(histories: Histories, num_rows: int, config: ItemTablesConfig) -> dict[str, bytes]:
    """The tables by their file's name."""
    tables = {FILE: fit_transitions(histories, num_rows, config.transitions)}
    if config.num_neighbours:
        tables[ITEM_KNN_FILE] = neighbour_table(histories, num_rows, config)
        if num_rows <= config.ease_max_items:
            tables[EASE_FILE] = ease_table(histories, num_rows, config)
        else:
            logger.info("no EASE table: %s items are more than %s", f"{num_rows:,}", f"{config.ease_max_items:,}")

    def save(folder: Path) -> None:
        for name, table in tables.items():
            table.save(folder / name)

    return files_of(save)


def neighbour_table(histories: Histories, num_rows: int, config: ItemTablesConfig) -> TransitionTable:
    """Item neighbours by the cosine of their viewers."""
    fitted = ItemKNN(ItemKNN.Config(num_neighbours=config.num_neighbours)).fit(histories, num_rows).similarity
    return TransitionTable(
        fitted.indptr.astype(np.int64),
        fitted.indices.astype(np.int64),
        fitted.data.astype(np.float32),
        config.window,
    )


def ease_table(histories: Histories, num_rows: int, config: ItemTablesConfig) -> TransitionTable:
    """The largest positive weights of a linear autoencoder."""
    fitted = EASE(EASE.Config(penalty=config.ease_penalty, max_items=num_rows)).fit(histories, num_rows)
    return strongest(fitted.weights, config.num_neighbours, config.window)


def strongest(weights: NDArray[np.float32], num_kept: int, window: int) -> TransitionTable:
    """The `num_kept` largest positive entries of each row of weights [R, R]."""
    num_kept = min(num_kept, weights.shape[1])
    items, values, lengths = [], [], [np.zeros(1, dtype=np.int64)]
    for start in range(0, len(weights), ROWS_AT_ONCE):
        block = weights[start : start + ROWS_AT_ONCE]
        best = np.sort(np.argpartition(-block, num_kept - 1, axis=1)[:, :num_kept], axis=1)
        found = np.take_along_axis(block, best, axis=1)
        items.append(best[found > 0])
        values.append(found[found > 0])
        lengths.append((found > 0).sum(axis=1))
    offsets = np.cumsum(np.concatenate(lengths)).astype(np.int64)
    return TransitionTable(offsets, np.concatenate(items).astype(np.int64), np.concatenate(values), window)
