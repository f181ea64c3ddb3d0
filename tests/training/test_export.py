"""What is exported is what was trained: the similarity served, and how content places an item."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from index.build import Config as IndexConfig
from serving.bundle import Bundle
from serving.encoder import UserEncoder
from serving.manifest import ManifestFields
from serving.publish import publish
from tests.training.test_fit import CONFIG
from tests.training.worlds import catalogue, cycle_events
from towers.vocabulary import NUM_RESERVED
from training.data import FilesConfig, load
from training.data.split import SplitConfig, split
from training.export import encode, make_parts
from training.fit import Stage
from training.learning import Learned, Task, learn


class Published(NamedTuple):
    """Trained towers and the bundle made of them."""

    learned: Learned
    bundle: Bundle


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("export")
    cycle_events().to_parquet(folder / "events.parquet")
    catalogue().to_parquet(folder / "items.parquet")
    files = FilesConfig(events=str(folder / "events.parquet"), items=str(folder / "items.parquet"))
    dataset = load(files, folder)
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    learned = learn(CONFIG, dataset, Task(parts.train, parts.val), Stage(folder / "checkpoints"), seed=3)
    exported = make_parts(learned.towers, learned.corpus, learned.validation, IndexConfig())
    fields = ManifestFields(
        data_fingerprint=dataset.fingerprint,
        split="leave_one_out",
        trained_until_ms=learned.corpus.trained_until_ms,
        metrics={},
    )
    return Published(learned, Bundle.load(publish(folder, exported.parts, fields)))


def test_the_similarity_served_is_the_similarity_trained(published: Published) -> None:
    """Rank correlation 1 between the index's scores of all items and the logits of the loss."""
    learned, bundle = published
    queries = learned.validation
    batch = bundle.spec.batch(list(queries.histories), queries.request_ts_ms, list(queries.contexts))
    served = UserEncoder.load(bundle.user_tower_path).encode(batch, bundle.item_tokens)
    num_items = bundle.index.num_items
    found = bundle.index.search(served, num_items)
    with torch.no_grad():
        items = learned.towers.item(learned.towers.item.tokens()).numpy()
        logits = encode(learned.towers, batch) @ items.T * float(learned.towers.scale)
    assert (np.sort(found.rows, axis=1) == np.arange(NUM_RESERVED, NUM_RESERVED + num_items)).all()
    for rows, scores, trained in zip(found.rows, found.scores, logits, strict=True):
        assert spearmanr(scores, trained[rows]).statistic == pytest.approx(1.0, abs=1e-9)


def test_content_alone_places_an_item_as_the_tower_does(published: Published) -> None:
    learned, bundle = published
    assert bundle.placement is not None
    assert learned.corpus.contents is not None
    assert learned.towers.item.project is not None
    with torch.no_grad():
        trained = learned.towers.item.project(learned.towers.item.content)[NUM_RESERVED:].numpy()
    np.testing.assert_allclose(bundle.placement.tokens(learned.corpus.contents), trained, atol=1e-5)
