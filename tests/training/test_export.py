"""What is exported is what was trained: the similarity served, and how content places an item."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
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


@pytest.fixture(scope="module", params=[1, 2], ids=["one pair", "two pairs"])
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    config = replace(CONFIG, members=request.param)
    folder = tmp_path_factory.mktemp("export")
    cycle_events().to_parquet(folder / "events.parquet")
    catalogue().to_parquet(folder / "items.parquet")
    files = FilesConfig(events=str(folder / "events.parquet"), items=str(folder / "items.parquet"))
    dataset = load(files, folder)
    parts = split(dataset, SplitConfig(name="leave_one_out", test=False))
    learned = learn(config, dataset, Task(parts.train, parts.val), Stage(folder / "checkpoints"), seed=3)
    exported = make_parts(learned.towers, learned.corpus, learned.validation, IndexConfig())
    fields = ManifestFields(
        data_fingerprint=dataset.fingerprint,
        split="leave_one_out",
        trained_until_ms=learned.corpus.trained_until_ms,
        metrics={},
    )
    return Published(learned, Bundle.load(publish(folder, exported.parts, fields)))


def test_the_similarity_served_is_the_similarity_trained(published: Published) -> None:
    """Rank correlation 1 between the index's scores of all items and the logits of the loss, their mean over pairs."""
    learned, bundle = published
    queries = learned.validation
    batch = bundle.spec.batch(list(queries.histories), queries.request_ts_ms, list(queries.contexts))
    served = UserEncoder.load(bundle.user_tower_path).encode(batch, bundle.item_tokens)
    num_items = bundle.index.num_items
    found = bundle.index.search(served, num_items)
    with torch.no_grad():
        arrays = [torch.from_numpy(array) for array in batch]
        pairs = learned.towers.pairs
        users = [pair.user(pair.read(*arrays[:-1]), arrays[-1]) for pair in pairs]
        cosines = [user @ pair.item(pair.item.tokens()).T for user, pair in zip(users, pairs, strict=True)]
        logits = (sum(cosines) / len(pairs) * learned.towers.scale).numpy()
    np.testing.assert_allclose(served, encode(learned.towers, batch), atol=1e-5)
    assert (np.sort(found.rows, axis=1) == np.arange(NUM_RESERVED, NUM_RESERVED + num_items)).all()
    for rows, scores, trained in zip(found.rows, found.scores, logits, strict=True):
        assert spearmanr(scores, trained[rows]).statistic == pytest.approx(1.0, abs=1e-9)


def test_content_alone_places_an_item_as_the_tower_does(published: Published) -> None:
    learned, bundle = published
    assert bundle.placement is not None
    assert learned.corpus.contents is not None
    tokens = bundle.placement.tokens(learned.corpus.contents)
    with torch.no_grad():
        own = [item.project(item.content) for item in learned.towers.item_towers if item.project is not None]
        units = [F.normalize(part, dim=-1) / math.sqrt(len(own)) for part in own]
    assert len(own) == len(learned.towers.pairs)
    np.testing.assert_allclose(tokens, torch.cat(own, dim=-1)[NUM_RESERVED:].numpy(), atol=1e-5)
    vectors = bundle.placement.vectors(tokens)
    np.testing.assert_allclose(vectors, torch.cat(units, dim=-1)[NUM_RESERVED:].numpy(), atol=1e-5)
