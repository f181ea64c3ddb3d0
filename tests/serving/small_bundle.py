"""Parts of a bundle that is small and whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index import ExactIndex
from serving.canary import Canary
from serving.catalogue import CatalogueTable
from serving.manifest import ManifestFields
from serving.parts import BundleParts
from towers.features import FeatureSpec
from towers.history import Histories, HistoryBatch
from towers.vocabulary import Vocabulary

FIELDS = ManifestFields(
    data_fingerprint="0" * 64,
    split="time, 80/10/10",
    trained_until_ms=1_000_000,
    metrics={"val/recall@100": 0.5, "val/recall@100/cold": float("nan")},
)


def mean_of_tokens(batch: HistoryBatch, item_tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """A user tower: the direction of the summed tokens; row 0 adds nothing."""
    summed = item_tokens[batch.rows].sum(axis=1)
    unit: NDArray[np.float32] = summed / np.linalg.norm(summed, axis=1, keepdims=True)
    return unit.astype(np.float32)


def small_parts(seed: int = 0, num_items: int = 30, dim: int = 8, user_tower: bytes = b"no model") -> BundleParts:
    """Items i00.., viewers a and b."""
    rng = np.random.default_rng(seed)
    spec = FeatureSpec(Vocabulary.fit(f"i{item:02}" for item in range(num_items)), max_length=5)
    num_rows = spec.vocabulary.num_rows
    vectors = rng.normal(size=(num_rows, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[:2] = 0
    index = ExactIndex.build(spec.vocabulary.item_rows, vectors[2:])
    histories = Histories(
        offsets=np.array([0, 3, 5]),
        rows=np.array([2, 3, 4, 7, 2]),
        ts_ms=1000 * np.arange(5),
        actions=np.ones(5, dtype=np.int8),
        shares=np.zeros(5, dtype=np.int8),
    )
    moments = np.array([9000, 9000])
    batch = spec.batch([histories.of(0), histories.of(1)], moments, [{}, {}])
    return BundleParts(
        spec=spec,
        item_tokens=vectors,
        item_vectors=vectors,
        index=index,
        user_tower=user_tower,
        popularity=np.full(num_rows, 1 / num_rows),
        viewers=Vocabulary.fit(["a", "b"]),
        histories=histories,
        catalogue=CatalogueTable([f"Title {row}" for row in range(num_rows)], [[]] * num_rows, [""] * num_rows),
        canary=Canary.of(batch, mean_of_tokens(batch, vectors), index),
        ranker_files={"ranker.onnx": b"logits", "ranker.json": b"{}"},
    )
