"""Bags of items through the one path of every query."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.errors import RequestError
from serving.manifest import ManifestFields
from serving.messages import RecommendRequest
from serving.publish import publish
from serving.recommendation import Recommendation
from serving.service import to_query
from tests.bundles import START_MS, TinyConfig, item_id, publish_tiny, tiny_parts
from tests.serving.conftest import NOW_MS
from towers.query import Query
from training.bag import BagConfig, bag_file
from training.commands.recommend import RecommendConfig, recommend

FIELDS = ManifestFields(data_fingerprint="tiny", split="none", trained_until_ms=START_MS + 10_000_000, metrics={})
BAG = (item_id(3), item_id(8), item_id(20))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bag")
    parts = tiny_parts(TinyConfig())
    tables = bag_file(parts.histories, parts.spec.vocabulary.num_rows, BagConfig(dim=8, penalty=1.0), 0)
    publish(folder, replace(parts, ranker_files={**parts.ranker_files, **tables}), FIELDS)
    return folder


@pytest.fixture(scope="module")
def bundle(out: Path) -> Bundle:
    return Bundle.load(out)


def answered(bundle: Bundle, *history: str, k: int = 20) -> Recommendation:
    recommender = assemble(bundle, lambda: NOW_MS)
    return recommender.recommend(Query(history=history, ts_ms=NOW_MS, is_bag=True), k)


def test_a_bag_is_answered_in_the_order_of_its_tables(bundle: Bundle) -> None:
    assert bundle.bag is not None
    vocabulary = bundle.spec.vocabulary
    scores = bundle.bag.scores(vocabulary.rows(list(BAG)), vocabulary.num_rows)
    answer = answered(bundle, *BAG, k=5)
    open_rows = np.setdiff1d(vocabulary.item_rows, vocabulary.rows(list(BAG)))
    best = open_rows[np.argsort(-scores[open_rows], kind="stable")][:5]
    assert scores[best].min() > 0
    assert answer.rows.tolist() == best.tolist()
    np.testing.assert_allclose(answer.scores, scores[best], rtol=1e-6)
    assert answer.reasons == ("personal",) * 5
    assert "bag" in [stage.name for stage in answer.stages]
    assert not answer.degraded


def test_order_repetition_and_unknown_items_change_nothing(bundle: Bundle) -> None:
    plain = answered(bundle, *BAG)
    other = answered(bundle, "never heard of", BAG[2], BAG[0], BAG[0], BAG[1])
    assert other.items == plain.items
    assert other.scores == plain.scores


def test_nothing_of_the_bag_is_answered_and_no_list_is_short(bundle: Bundle) -> None:
    answer = answered(bundle, *BAG, k=100)
    assert len(answer.items) == len(set(answer.items)) == TinyConfig.num_items - len(BAG)
    assert not set(BAG) & set(answer.items)
    assert np.all(np.diff(answer.scores) <= 0)


@pytest.mark.parametrize("history", [(), ("never heard of",)])
def test_an_empty_bag_gets_what_is_popular(bundle: Bundle, history: tuple[str, ...]) -> None:
    answer = answered(bundle, *history)
    assert set(answer.reasons) == {"popular"}
    assert len(answer.items) == 20


def test_a_bundle_without_tables_says_what_to_do(tmp_path: Path) -> None:
    publish_tiny(tmp_path)
    with pytest.raises(RequestError, match=r"bag\.dim"):
        answered(Bundle.load(tmp_path), *BAG)


def test_the_batch_command_and_http_ask_the_same(out: Path, bundle: Bundle, tmp_path: Path) -> None:
    table = pd.DataFrame({"query_id": [4], "history": [list(BAG)], "timestamp": [NOW_MS // 1000]})
    table.to_parquet(tmp_path / "queries.parquet")
    queries, topk = str(tmp_path / "queries.parquet"), str(tmp_path / "topk.parquet")
    recommend(RecommendConfig(str(out), queries, topk, k=20, as_bag=True))
    assert pd.read_parquet(tmp_path / "topk.parquet").item_id.tolist() == list(answered(bundle, *BAG).items)
    assert to_query(RecommendRequest(history=list(BAG), is_bag=True), 1.0).is_bag
